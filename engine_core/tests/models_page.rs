//! docs/models.md keeps its word.

use engine_core::model::Model;

/// Every whole model on the page is one that the engine reads, and each family has one.
#[test]
fn the_page_shows_models_that_parse() {
    let path = format!("{}/../docs/models.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().expect("a block ends"));
    let mut families: Vec<String> = blocks.map(|text| Model::parse(text).unwrap_or_else(|e| panic!("{e}\n{text}")).family).collect();
    families.sort();
    assert_eq!(families, ["blackjack", "dice", "roulette", "slots"]);
}
