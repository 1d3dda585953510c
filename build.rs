//! Builds anew when a detector or a table of kinds is added: what is embedded is listed at build time.

#[expect(clippy::disallowed_macros, reason = "cargo reads a build script's stdout")]
fn main() {
    println!("cargo:rerun-if-changed=detectors");
    println!("cargo:rerun-if-changed=kinds");
}
