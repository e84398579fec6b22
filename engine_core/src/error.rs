//! The one error enum. Each value says what is wrong and what would be right, in a sentence for the caller.

use std::fmt;

/// Why the engine refused or stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The model file is malformed; `line` counts from 1 and is 0 where no line is to blame.
    Model {
        /// The line to blame.
        line: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The bet is not one that the model offers; `field` is its path inside the bet.
    Bet {
        /// Path of the field: `bet.dice.target`.
        field: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The action is not one that the round allows now.
    Action {
        /// What is wrong and what would be right.
        message: String,
    },
    /// The stored state of a round cannot be resumed by this engine.
    State {
        /// What is wrong and what would be right.
        message: String,
    },
    /// An amount left the range of checked integer money.
    Amount {
        /// What is wrong and what would be right.
        message: String,
    },
    /// The random stream failed a health test; nothing drawn from it may be used.
    RngUnhealthy {
        /// The test's name.
        test: &'static str,
    },
    /// The model has no exact figure of the kind that was asked for.
    NotExact {
        /// What is wrong and what would be right.
        message: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model { line: 0, message } => write!(f, "{message}"),
            Self::Model { line, message } => write!(f, "line {line}: {message}"),
            Self::Bet { field, message } => write!(f, "{field}: {message}"),
            Self::Action { message } | Self::State { message } | Self::Amount { message } | Self::NotExact { message } => {
                f.write_str(message)
            }
            Self::RngUnhealthy { test } => write!(f, "the random stream failed its {test} test"),
        }
    }
}

impl std::error::Error for Error {}
