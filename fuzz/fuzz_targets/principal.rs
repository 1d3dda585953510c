//! `./dev fuzz principal`: see [`gatewatch_fuzz::principal`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::principal(bytes));
