//! `./dev fuzz envelope`: see [`gatewatch_fuzz::envelope`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::envelope(bytes));
