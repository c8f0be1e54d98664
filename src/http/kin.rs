//! Kin of a case, as clients see them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{Bond, CaseId, CaseName, Name};

use super::shown::Written;

/// Another case, as an event names it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RelatedCase)]
pub(super) struct RelatedBody {
    /// Its id.
    #[schema(value_type = String)]
    id: Written<CaseId>,
    /// The workflow it follows.
    #[schema(value_type = String)]
    workflow: Name,
    /// Its number.
    #[schema(value_type = String)]
    number: Name,
    /// What the parent calls the child.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    role: Option<Name>,
}

impl RelatedBody {
    /// One side of a bond.
    pub(super) fn of(bond: &Bond) -> Self {
        Self { role: Some(Name::clone(&bond.role)), ..Self::from(&bond.case) }
    }
}

impl From<&CaseName> for RelatedBody {
    fn from(name: &CaseName) -> Self {
        let (workflow, number) = (Name::clone(&name.workflow), Name::clone(&name.number));
        Self { id: Written(name.case), workflow, number, role: None }
    }
}
