//! Kin: the cases that belong together, one opened by the other.

use serde::{Deserialize, Serialize};

use super::id::{CaseId, Name};

/// Another case, as events name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseName {
    /// The case.
    pub case: CaseId,
    /// The workflow it follows.
    pub workflow: Name,
    /// Its number.
    pub number: Name,
}

/// One side of a bond: the other case, and what the parent calls its children of this kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bond {
    /// The other case.
    #[serde(flatten)]
    pub case: CaseName,
    /// The name under which the parent has it: `children.NAME`.
    #[serde(rename = "as")]
    pub role: Name,
}

/// The kin of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kin {
    /// The case that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Bond>,
    /// The cases that it opened, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Bond>,
}

impl Kin {
    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parent.is_none() && self.children.is_empty()
    }

    /// Its children of one kind, in the order in which they were opened.
    pub fn children<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a CaseName> {
        self.children.iter().filter(move |bond| &*bond.role == role).map(|bond| &bond.case)
    }

    /// Its parent and its children.
    pub fn all(&self) -> impl Iterator<Item = &CaseName> {
        self.parent.iter().chain(&self.children).map(|bond| &bond.case)
    }
}
