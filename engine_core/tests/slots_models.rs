//! Model files: the shipped ones are sound by the parser and by the published schema, and both refuse the same bad ones.

use boon::{Compiler, SchemaIndex, Schemas};
use engine_core::error::Error;
use engine_core::model::Model;
use serde_json::Value;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../pyserver/croupier/models");
const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/model.schema.json");

/// A small sound slots model; each case below changes one thing in it.
const SOUND: &str = r#"name = "small"
title = "Small"
version = 1
family = "slots"

[slots]
rows = 2
symbols = ["Seven", "Plum", "Wild", "Star"]
wild = "Wild"
scatter = "Star"

[slots.stake]
unit = "line"
levels = [1, 2, 5]

[slots.pay.lines]
lines = [[0, 0, 0], [1, 1, 1]]
wild_multiplier = 2

[slots.pay.lines.pays]
Seven = [0, 5, 50]
Plum = [0, 0, 10]

[slots.pay.scatter]
pays = [0, 2, 5]

[slots.mode.base]
stages = ["spin", "pay.lines", "pay.scatter"]
reels = [
  ["Seven", "Plum", "Plum", "Star", "Plum", "Plum"],
  ["Seven", "Plum", "Wild", "Plum", "Star", "Plum"],
  ["Plum", "Seven", "Plum", "Plum", "Star", "Plum"],
]

[[slots.mode.base.trigger]]
on = { scatter = 3 }
go = "free"
spins = 5
multiplier = 2

[slots.mode.free]
stages = ["spin", "pay.lines", "pay.scatter"]

[[slots.mode.free.trigger]]
on = { scatter = 3 }
go = "free"
spins = 5
multiplier = 2
"#;

/// Whether a schema can see the mistake.
#[derive(PartialEq, Clone, Copy)]
enum Seen {
    BySchema,
    ByParserOnly,
}
use Seen::{ByParserOnly, BySchema};

/// (what is replaced, by what, line of the error, part of its message, who sees it).
const BAD: [(&str, &str, usize, &str, Seen); 45] = [
    ("name = \"small\"", "name = \"Small one\"", 1, "lower-case letters", BySchema),
    ("title = \"Small\"", "title = \"\"", 2, "1 to 128", BySchema),
    ("version = 1", "version = 0", 3, "count from 1", BySchema),
    ("version = 1", "version = \"1\"", 3, "expected u32", BySchema),
    ("family = \"slots\"", "family = \"slot\"", 4, "must be one of", BySchema),
    ("version = 1", "version = 1\ncolour = \"red\"", 4, "unknown key `colour`", BySchema),
    ("rows = 2", "rows = 9", 7, "1 to 8 rows", BySchema),
    ("rows = 2", "rows = 2\nreels = 3", 8, "unknown field `reels`", BySchema),
    ("\"Plum\", \"Wild\"", "\"Seven\", \"Wild\"", 8, "listed twice", BySchema),
    ("wild = \"Wild\"", "wild = \"Joker\"", 9, "not a symbol of this model", ByParserOnly),
    ("wild = \"Wild\"", "wild = \"Star\"", 9, "same symbol", ByParserOnly),
    ("scatter = \"Star\"", "scatter = 4", 10, "expected a string", BySchema),
    ("unit = \"line\"", "unit = \"coin\"", 13, "expected `line` or `total`", BySchema),
    ("levels = [1, 2, 5]", "levels = []", 14, "1 to 100", BySchema),
    ("levels = [1, 2, 5]", "levels = [1, 5, 2]", 14, "ascend", ByParserOnly),
    ("levels = [1, 2, 5]", "levels = [0, 2]", 14, "1 to 1000000 steps", BySchema),
    ("[[0, 0, 0], [1, 1, 1]]", "[]", 17, "1 to 128", BySchema),
    ("[1, 1, 1]", "[1, 1]", 17, "line 2 names 2 rows; there are 3 reels", ByParserOnly),
    ("[1, 1, 1]", "[1, 2, 1]", 17, "rows are 0 to 1", ByParserOnly),
    ("[1, 1, 1]", "[1, -1, 1]", 17, "expected usize", BySchema),
    ("wild_multiplier = 2", "wild_multiplier = 0", 18, "1 to 1000", BySchema),
    ("Seven = [0, 5, 50]", "Seven = [0, 5, 50, 500]", 21, "list 1 to 3", ByParserOnly),
    ("Seven = [0, 5, 50]", "Lemon = [0, 5, 50]", 21, "not a symbol", ByParserOnly),
    ("Seven = [0, 5, 50]", "Star = [0, 5, 50]", 21, "belong into [slots.pay.scatter]", ByParserOnly),
    ("Seven = [0, 5, 50]", "Seven = [0, 5, 50.5]", 21, "expected u32", BySchema),
    ("Seven = [0, 5, 50]", "Seven = [0, 5, 99_000_000]", 21, "the most is 10000000", BySchema),
    ("pays = [0, 2, 5]", "pays = [0, 2]", 25, "list 3", ByParserOnly),
    ("pays = [0, 2, 5]", "pays = [0, 2, 5, 9]", 25, "list 3", ByParserOnly),
    ("[slots.mode.base]\nstages = [\"spin\", ", "[slots.mode.base]\nstages = [", 28, "first stage must be \"spin\"", BySchema),
    ("\"pay.lines\", \"pay.scatter\"]\nreels", "\"pay.ways\"]\nreels", 28, "stages are: spin, pay.lines, pay.scatter", BySchema),
    ("\"pay.scatter\"]\nreels", "\"pay.lines\"]\nreels", 28, "listed twice", BySchema),
    ("[\"Seven\", \"Plum\", \"Plum\", \"Star\", \"Plum\", \"Plum\"]", "[]", 30, "reel 1 has 0 symbols", BySchema),
    ("[\"Seven\", \"Plum\", \"Plum\", \"Star\", \"Plum\", \"Plum\"]", "[\"Plum\"]", 30, "reel 1 has 1 symbols", ByParserOnly),
    ("[\"Seven\", \"Plum\", \"Wild\", \"Plum\"", "[\"Sevn\", \"Plum\", \"Wild\", \"Plum\"", 31, "\"Sevn\" is not a symbol", ByParserOnly),
    (
        "on = { scatter = 3 }\ngo = \"free\"\nspins = 5\nmultiplier = 2\n\n[slots.mode.free]",
        "on = { scatter = 4 }\ngo = \"free\"\nspins = 5\nmultiplier = 2\n\n[slots.mode.free]",
        36,
        "show at most 3",
        ByParserOnly,
    ),
    (
        "go = \"free\"\nspins = 5\nmultiplier = 2\n\n[slots.mode.free]",
        "go = \"fre\"\nspins = 5\nmultiplier = 2\n\n[slots.mode.free]",
        37,
        "modes are: free",
        ByParserOnly,
    ),
    (
        "go = \"free\"\nspins = 5\nmultiplier = 2\n\n[slots.mode.free]",
        "go = \"base\"\nspins = 5\nmultiplier = 2\n\n[slots.mode.free]",
        37,
        "no mode of free spins",
        BySchema,
    ),
    ("spins = 5\nmultiplier = 2\n\n", "spins = 0\nmultiplier = 2\n\n", 38, "1 to 1000", BySchema),
    ("spins = 5\nmultiplier = 2\n\n", "spins = 5\nmultiplier = 3\n\n", 39, "all that go to one mode name the same", ByParserOnly),
    ("spins = 5\nmultiplier = 2\n\n", "spins = 5\nmultiplier = 0\n\n", 39, "1 to 1000", BySchema),
    (
        "[slots.mode.free]\nstages",
        "[slots.mode.bonus]\nstages = [\"spin\"]\n\n[slots.mode.free]\nstages",
        41,
        "\"bonus\" can't be reached",
        ByParserOnly,
    ),
    (
        "[slots.mode.free]\nstages = [\"spin\", \"pay.lines\", \"pay.scatter\"]",
        "[slots.mode.free]\nstages = [\"spin\"]\nreels = [[\"Plum\", \"Star\"]]",
        43,
        "every mode has as many",
        ByParserOnly,
    ),
    (
        "[slots.mode.free]\nstages = [\"spin\", \"pay.lines\", \"pay.scatter\"]",
        "[slots.mode.free]\nstages = [\"spin\"]\nreels = [[\"Star\", \"Plum\"], [\"Star\", \"Plum\"], [\"Star\", \"Plum\"]]",
        45,
        "need not end",
        ByParserOnly,
    ),
    ("scatter = \"Star\"\n", "", 23, "the model names none", ByParserOnly),
    ("[slots.mode.base]", "[slots.mode.main]", 35, "missing field `stages`", BySchema),
];

fn schema() -> (Schemas, SchemaIndex) {
    let text = std::fs::read_to_string(SCHEMA).expect("the schema");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("model.json", serde_json::from_str(&text).expect("JSON")).expect("a resource");
    let index = compiler.compile("model.json", &mut schemas).expect("a sound schema");
    (schemas, index)
}

fn json(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Value>(text).expect("sound TOML")).expect("TOML is JSON")
}

fn refusal(text: &str) -> (usize, String) {
    match Model::parse(text) {
        Err(Error::Model { line, message }) => (line, message),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("parsed:\n{text}"),
    }
}

/// Every shipped model is sound by the parser and by the schema.
#[test]
fn shipped_models_are_sound() {
    let (schemas, index) = schema();
    for entry in std::fs::read_dir(MODELS).expect("the models").map(|entry| entry.expect("an entry").path()) {
        if entry.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&entry).expect("a model");
            let model = Model::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", entry.display()));
            assert_eq!(Some(model.name.as_str()), entry.file_stem().and_then(|stem| stem.to_str()), "a file is named after its model");
            schemas.validate(&json(&text), index).unwrap_or_else(|e| panic!("{}: {e}", entry.display()));
        }
    }
}

/// Each bad model is refused with its line and what would be right; the schema refuses those that a schema can see, and passes the others.
#[test]
fn bad_models_are_refused_with_their_line() {
    let (schemas, index) = schema();
    Model::parse(SOUND).expect("the sound model");
    schemas.validate(&json(SOUND), index).expect("the sound model");
    let mut wrong = Vec::new();
    for (from, to, line, part, seen) in BAD {
        assert!(SOUND.contains(from), "{from}");
        let text = SOUND.replacen(from, to, 1);
        let (found, message) = refusal(&text);
        let by_schema = schemas.validate(&json(&text), index).is_err();
        if !message.contains(part) || found != line || by_schema != (seen == BySchema) {
            wrong.push(format!("{to}: line {found}: {message} (by schema: {by_schema})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Broken TOML names its line too.
#[test]
fn broken_toml_names_its_line() {
    assert_eq!(refusal(&SOUND.replacen("rows = 2", "rows = = 2", 1)).0, 7);
    assert_eq!(refusal(&SOUND.replacen("rows = 2\n", "", 1)).1, "missing field `rows`");
    assert!(refusal(&SOUND.replace("slots.mode.base", "slots.mode.main")).1.contains("no [slots.mode.base]"));
}

/// Wins that money cannot hold at the highest level are refused when the model is read, not when they are won.
#[test]
fn wins_that_overflow_are_refused() {
    let text = SOUND.replacen("levels = [1, 2, 5]", "levels = [1, 1_000_000]", 1).replacen("50]", "10_000_000]", 1);
    let (line, message) = refusal(&text);
    assert_eq!(line, 14);
    assert!(message.contains("lower the level or the pays"), "{message}");
}
