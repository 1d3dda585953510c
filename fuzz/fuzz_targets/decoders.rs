//! `./dev fuzz decoders`: see [`gatewatch_fuzz::decoders`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::decoders(bytes));
