//! Documents of a case: what was frozen, and what would be printed now.

use std::sync::Arc;

use crate::engine::Sight;
use crate::model::{Actor, Case, Name};
use crate::workflow::Definition;

use super::{Failure, Runtime, not_found};

impl Runtime {
    /// The bytes that a command kept under their SHA-256, such as those of a document.
    ///
    /// # Errors
    /// When there are none, or the store can't be read.
    pub async fn file(&self, sha256: &Name) -> Result<Arc<[u8]>, Failure> {
        let wanted = Name::clone(sha256);
        let found = self.read(move |store| store.file(&wanted)).await?;
        found.ok_or_else(|| not_found("document", sha256))
    }

    /// What a document of a case would print now, for a draft; `None` when it can't be issued as things stand, and
    /// a text for people where it can't be printed.
    ///
    /// # Errors
    /// When there is no such document.
    pub async fn draft(
        &self,
        definition: &Arc<Definition>,
        case: &Arc<Case>,
        document: &Name,
        actor: &Actor,
    ) -> Result<Result<Option<Name>, String>, Failure> {
        let (runtime, definition, case) = (self.clone(), Arc::clone(definition), Arc::clone(case));
        let (document, actor) = (Name::clone(document), actor.clone());
        let print = move || {
            let workflow = definition.workflows.get(&case.workflow);
            let workflow = workflow.ok_or_else(|| not_found("workflow", &case.workflow))?;
            let found = workflow.documents.get(&document).ok_or_else(|| not_found("document", &document))?;
            let world = runtime.world();
            let sight = Sight { definition: &definition, workflow, actor: &actor, world: &world, now: runtime.now() };
            Ok(sight.draft(found, &case))
        };
        self.0.deciders.run(print).await?
    }
}
