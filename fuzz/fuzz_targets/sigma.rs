//! `./dev fuzz sigma`: see [`gatewatch_fuzz::sigma`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::sigma(bytes));
