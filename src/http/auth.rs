//! Who asks: every route under `/v1` needs a valid API key, and the actor is always the authenticated one.
//!
//! The answer to an unknown, wrong, expired or missing key is the same, so that it tells nothing.

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};

use crate::model::{Actor, Case, Language, Name, Title};
use crate::workflow::{Definition, Workflow};

use super::App;
use super::error::{FORBIDDEN, Problem, UNAUTHENTICATED};

/// The role that may do everything that is not a transition: keys, tables, draft rules, reading all.
pub(super) const ADMIN: &str = "admin";
/// The role that may write tables.
pub(super) const DATA: &str = "data";

/// A request that only asks: who, in which language, for what. Extracting it authenticates.
pub(super) struct Asked {
    /// The authenticated one.
    pub(super) actor: Actor,
    /// The language of answers.
    pub(super) language: Language,
    /// The method.
    pub(super) method: Method,
    /// Path and query.
    pub(super) uri: Uri,
    /// The headers.
    pub(super) headers: HeaderMap,
    /// The key as it was presented: what runs long checks it again.
    pub(super) key: String,
}

impl Asked {
    /// Refuses an actor who has none of `roles`.
    pub(super) fn require(&self, roles: &[&str]) -> Result<(), Problem> {
        if roles.iter().any(|role| self.actor.has(role)) {
            return Ok(());
        }
        let roles = roles.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>();
        let (zh, en) = (roles.join("或"), roles.join(" or "));
        Err(Problem::new(&FORBIDDEN, Title::new(&format!("需要角色 {zh}"), &format!("the role {en} is needed"))))
    }

    /// Refuses an actor who may not read the cases of `workflow`.
    pub(super) fn require_reader(&self, definition: &Definition, workflow: &str) -> Result<(), Problem> {
        if may_read(&self.actor, definition.workflows.get(workflow).map(AsRef::as_ref)) {
            return Ok(());
        }
        let detail = Title::new(
            &format!("没有流程 `{workflow}` 的任何角色"),
            &format!("this needs a role of the workflow `{workflow}`"),
        );
        Err(Problem::new(&FORBIDDEN, detail))
    }

    /// Refuses an actor who may not read `case`.
    pub(super) fn require_reader_of(&self, definition: &Definition, case: &Case) -> Result<(), Problem> {
        self.require_reader(definition, &case.workflow)
    }
}

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let (actor, key) = presented(&parts.headers)
            .and_then(|key| Some((app.runtime.authenticate(key)?, key.to_owned())))
            .ok_or_else(unauthenticated)?;
        Ok(Self {
            actor,
            language: language(&parts.headers),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            // Nobody behind this reads them where they were.
            headers: std::mem::take(&mut parts.headers),
            key,
        })
    }
}

/// Whether `actor` may read the cases of a workflow; one that is not live any more is the admin's to read.
pub(super) fn may_read(actor: &Actor, workflow: Option<&Workflow>) -> bool {
    actor.has(ADMIN) || workflow.is_some_and(|workflow| workflow.roles().iter().any(|role| actor.has(role)))
}

/// The workflows that `actor` may read; `None` is all, those that are not live any more too.
pub(super) fn readable(actor: &Actor, definition: &Definition) -> Option<BTreeSet<Name>> {
    let all = definition.workflows.values();
    (!actor.has(ADMIN)).then(|| {
        all.filter(|workflow| may_read(actor, Some(workflow))).map(|workflow| Name::clone(&workflow.name)).collect()
    })
}

/// The language that the caller reads best.
pub(super) fn language(headers: &HeaderMap) -> Language {
    headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).map_or(Language::En, Language::accepted)
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && key.starts_with("gk_")).then_some(key)
}

fn unauthenticated() -> Problem {
    Problem::new(&UNAUTHENTICATED, UNAUTHENTICATED.about())
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"gendan\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_presented_as_one_bearer_token() {
        for (values, key) in [
            (&["Bearer gk_1_s"][..], Some("gk_1_s")),
            (&["bearer  gk_1_s "], Some("gk_1_s")),
            (&["Basic gk_1_s"], None),
            (&["Bearer other"], None),
            (&["gk_1_s"], None),
            (&["Bearer gk_1_s", "Bearer gk_2_s"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            assert_eq!(presented(&headers), key, "{values:?}");
        }
    }
}
