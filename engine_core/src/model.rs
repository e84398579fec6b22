//! A model: one version of a game's maths and rules, as one TOML file named by its SHA-256.

use crate::error::Error;
use crate::games::Game;
use sha2::{Digest, Sha256};

/// A model that was read and checked. Immutable.
pub struct Model {
    /// The game's id, lower case with hyphens: `sizzling-hot`.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// Version of this game's maths, from 1.
    pub version: u32,
    /// The family's id: `slots`, `dice` …
    pub family: String,
    /// SHA-256 of the file's bytes.
    pub hash: [u8; 32],
    /// The family with this model's parameters.
    pub game: Game,
}

#[derive(serde::Deserialize)]
struct Header {
    name: String,
    title: String,
    version: u32,
    family: String,
}

impl Model {
    /// Reads a model file's text.
    ///
    /// # Errors
    /// `Error::Model` with the line, what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let header: Header = toml::from_str(text).map_err(|e| toml_error(text, &e))?;
        let game = Game::parse(&header.family, text)?;
        Ok(Self {
            name: header.name,
            title: header.title,
            version: header.version,
            family: header.family,
            hash: Sha256::digest(text.as_bytes()).into(),
            game,
        })
    }
}

/// A TOML error with its line.
pub fn toml_error(text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map_or(0, |span| line_of(text, span.start));
    Error::Model { line, message: error.message().to_string() }
}

/// A refusal of the value at `span` of a model file.
pub fn error_at(text: &str, span: &std::ops::Range<usize>, message: String) -> Error {
    Error::Model { line: line_of(text, span.start), message }
}

/// The line, from 1, of a byte offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|&&b| b == b'\n').count()
}
