//! `./dev fuzz base64`: see [`gatewatch_fuzz::base64`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::base64(bytes));
