//! The corpus of the fuzz targets keeps the promises they hold, without a fuzzer.
//!
//! `./dev fuzz` looks for more; what it finds is mended and its smallest form kept here by name.

#[path = "../fuzz/src/lib.rs"]
mod promises;

use std::path::Path;

#[test]
fn the_kept_corpus_keeps_every_promise() {
    for (target, check) in promises::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{} holds nothing", folder.display());
        for file in files {
            check(&std::fs::read(&file).unwrap());
        }
    }
}
