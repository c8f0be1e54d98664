//! Actions on what is finite (R56, R62): reserve, release, consume, put.

use crate::model::Name;
use crate::workflow::Given;

/// An action on resources.
#[derive(Clone, Debug)]
pub struct Hold {
    /// What is done.
    pub verb: Verb,
    /// The resources, and of which rows.
    pub parts: Vec<(Name, Rows)>,
    /// Whether a reservation takes what there is where there is not enough, instead of being refused.
    pub up_to_available: bool,
    /// As what it is consumed; for the log.
    pub used_as: Option<Given>,
}

/// What is done with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// The case takes a hold of it.
    Reserve,
    /// The case gives back what it holds.
    Release,
    /// What the case holds is used up.
    Consume,
    /// The case puts something in.
    Put,
}

impl Verb {
    /// The word of the language.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Release => "release",
            Self::Consume => "consume",
            Self::Put => "put",
        }
    }
}

/// Which pools, and how much of each.
#[derive(Clone, Debug)]
pub enum Rows {
    /// All that the case holds.
    All,
    /// What the rows of a list say, or those of a subset of it.
    List(Name, Option<Name>),
    /// One pool, and how much of it.
    One(Given, Given),
}
