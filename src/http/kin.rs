//! Kin of a case, as clients see them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{Bond, CaseId, CaseName, Name};
use crate::workflow::End;

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
    /// The stage it is in, where that is asked for and the caller may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    stage: Option<Name>,
    /// The title of that stage, in the caller's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_title: Option<String>,
    /// How it has ended: `success`, `failure` or `cancelled`; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    end: Option<End>,
}

impl RelatedBody {
    /// One side of a bond.
    pub(super) fn of(bond: &Bond) -> Self {
        Self { role: Some(Name::clone(&bond.role)), ..Self::from(&bond.case) }
    }

    /// The case.
    pub(super) fn id(&self) -> CaseId {
        self.id.0
    }

    /// Says where it stands.
    pub(super) fn stands(&mut self, stage: Name, title: String, end: Option<End>) {
        (self.stage, self.stage_title, self.end) = (Some(stage), Some(title), end);
    }
}

impl From<&CaseName> for RelatedBody {
    fn from(name: &CaseName) -> Self {
        let (workflow, number) = (Name::clone(&name.workflow), Name::clone(&name.number));
        Self { id: Written(name.case), workflow, number, role: None, stage: None, stage_title: None, end: None }
    }
}
