//! The corpus of the fuzz targets keeps the promises they hold, without a fuzzer.
//!
//! `./dev fuzz` looks for more; what it finds is mended and its smallest form kept here by name.

#[path = "../fuzz/src/lib.rs"]
mod promises;

use std::path::Path;

use gatewatch::telemetry::Category;

/// The target that tries decoders asserts that a record comes out as what it was written as.
#[test]
fn every_category_has_a_kept_record_that_its_decoder_reads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/decoders");
    for (number, category) in Category::ALL.into_iter().enumerate() {
        let kept = std::fs::read(folder.join(format!("{}-record", category.name()))).unwrap_or_default();
        assert!(kept.first().is_some_and(|&first| usize::from(first) == number), "{category:?} has none");
        promises::decoders(&kept);
    }
}

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
