//! `./dev fuzz escapes`: see [`gatewatch_fuzz::escapes`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::escapes(bytes));
