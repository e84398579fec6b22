//! A model: one version of a game's maths and rules, as one TOML file named by its SHA-256.

use crate::error::Error;
use crate::games::Game;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use toml::Spanned;

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

/// The longest file that is read.
const BYTES_MAX: usize = 1 << 20;
/// The longest name and title, in bytes.
const NAME_MAX: usize = 64;
const TITLE_MAX: usize = 128;

#[derive(serde::Deserialize)]
struct Header {
    name: Spanned<String>,
    title: Spanned<String>,
    version: Spanned<u32>,
    family: Spanned<String>,
}

impl Model {
    /// Reads a model file's text.
    ///
    /// # Errors
    /// `Error::Model` with the line, what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > BYTES_MAX {
            return Err(Error::Model { line: 0, message: format!("the file has {} bytes; a model has at most {BYTES_MAX}", text.len()) });
        }
        let header: Header = toml::from_str(text).map_err(|e| toml_error(text, &e))?;
        header.check(text)?;
        let game = Game::parse(header.family.get_ref(), text).map_err(|error| match error {
            // Only the family's own name has no place of its own.
            Error::Model { line: 0, message } => error_at(text, &header.family.span(), message),
            other => other,
        })?;
        header.known_keys(text)?;
        Ok(Self {
            name: header.name.into_inner(),
            title: header.title.into_inner(),
            version: header.version.into_inner(),
            family: header.family.into_inner(),
            hash: Sha256::digest(text.as_bytes()).into(),
            game,
        })
    }
}

impl Header {
    fn check(&self, text: &str) -> Result<(), Error> {
        let name = self.name.get_ref();
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(legal) || name.len() > NAME_MAX {
            let message =
                format!("name = \"{name}\"; it must be lower-case letters, digits and hyphens, from a letter, at most {NAME_MAX}");
            return Err(error_at(text, &self.name.span(), message));
        }
        let length = self.title.get_ref().chars().count();
        if length == 0 || length > TITLE_MAX {
            return Err(error_at(text, &self.title.span(), format!("the title has {length} characters; it must have 1 to {TITLE_MAX}")));
        }
        if *self.version.get_ref() == 0 {
            return Err(error_at(text, &self.version.span(), "version = 0; versions count from 1".into()));
        }
        Ok(())
    }

    /// Refuses what stands beside the header and the family's own table.
    fn known_keys(&self, text: &str) -> Result<(), Error> {
        let keys: BTreeMap<Spanned<String>, toml::Value> = toml::from_str(text).map_err(|e| toml_error(text, &e))?;
        let known = ["name", "title", "version", "family", self.family.get_ref()];
        match keys.keys().find(|key| !known.contains(&key.get_ref().as_str())) {
            Some(key) => Err(error_at(text, &key.span(), format!("unknown key `{}`; a file holds {}", key.get_ref(), known.join(", ")))),
            None => Ok(()),
        }
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
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}
