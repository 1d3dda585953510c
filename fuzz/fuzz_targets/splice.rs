//! `./dev fuzz splice`: see [`gatewatch_fuzz::splice`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::splice(bytes));
