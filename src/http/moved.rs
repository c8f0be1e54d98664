//! What an event moved of a resource, as clients read it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::resource::Quantities;
use crate::model::{Event, Name};

/// What was moved of a resource.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Moved)]
pub(super) struct MovedBody {
    /// The resource.
    #[schema(value_type = String)]
    name: Name,
    /// How much of each pool, by its key.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    quantities: Quantities,
    /// As what it was consumed, where that is said.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    used_as: Option<Name>,
}

impl MovedBody {
    /// What an event moved, when it moved something.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let (name, quantities, used_as) = if let Event::Consumed { resource, quantities, used_as } = event {
            (resource, quantities, used_as.clone())
        } else if let Event::Reserved { resource, quantities }
        | Event::Released { resource, quantities }
        | Event::Put { resource, quantities } = event
        {
            (resource, quantities, None)
        } else {
            return None;
        };
        Some(Self { name: Name::clone(name), quantities: quantities.clone(), used_as })
    }
}
