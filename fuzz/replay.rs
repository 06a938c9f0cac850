//! Replays a corpus in the tests: what once taught the fuzzer something stays taught.

use std::path::Path;

pub fn corpus(name: &str, run: fn(&[u8])) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let mut count = 0;
    for file in std::fs::read_dir(fuzz.join("corpus").join(name)).unwrap() {
        let path = file.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        // The name of the last one shows which input it was.
        println!("{}", path.display());
        run(&input);
        count += 1;
    }
    assert!(count > 10, "only {count} inputs");
}
