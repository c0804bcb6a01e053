//! The page that documents the report's names is made from the names themselves.

use std::fs;
use std::path::{Path, PathBuf};

use vivarium_agent::deliver::schema;
use vivarium_checker::fleet::names;

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/report-schema.md")
}

#[test]
fn the_page_says_what_the_schema_says() {
    let written = fs::read_to_string(page()).expect("docs/report-schema.md");
    assert_eq!(written, schema::document(), "write it anew: see its second line");
}

#[test]
fn the_checker_reads_by_the_names_that_the_agent_writes() {
    assert_eq!((names::RUN_TYPE, names::COMPLIANCE_TYPE), (schema::RUN_TYPE, schema::COMPLIANCE_TYPE));
    for name in names::ATTRIBUTES {
        assert!(schema::RUN_ATTRIBUTES.iter().any(|attribute| attribute.name == name), "{name}");
    }
}

#[test]
#[ignore = "this writes the page"]
fn write_the_page() {
    fs::create_dir_all(page().parent().expect("docs")).expect("docs");
    fs::write(page(), schema::document()).expect("written");
}
