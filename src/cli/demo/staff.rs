//! The people of the play, each with an API key of their own.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::play::Play;
use crate::cli::Failed;
use crate::cli::client::Client;
use crate::cli::terminal::Exit;

/// A person of the play.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// The roles that the key gives.
    pub(crate) roles: Vec<String>,
    /// The key.
    pub(crate) key: String,
    /// A client that acts as this person.
    pub(crate) client: Client,
}

/// Everybody by user name.
pub(crate) type People = BTreeMap<String, Person>;

/// Makes a key for everybody; `admin` may do that.
///
/// # Errors
/// When the server does not make one.
pub(crate) fn hire(play: &Play, admin: &Client) -> Result<People, Failed> {
    let mut people = People::new();
    for (user, roles) in play.people() {
        let made = admin.post("/v1/keys", &json!({ "user": user, "roles": roles }))?.ok()?;
        let key = made.json.get("key").and_then(Json::as_str).map(str::to_owned);
        let key = key.ok_or_else(|| Failed::new(Exit::Unreachable, "the server made a key and did not say which"))?;
        let client = admin.with_key(&key);
        people.insert(user, Person { roles, key, client });
    }
    Ok(people)
}

/// For each role, the first person who has it.
pub(crate) fn one_per_role<'p>(play: &Play, people: &'p People) -> Vec<(String, &'p Person)> {
    let mut shown: Vec<(String, &Person)> = Vec::new();
    for user in play.staff.values().flat_map(|staff| &staff.people) {
        let Some(person) = people.get(user) else { continue };
        let new = person.roles.iter().any(|role| !shown.iter().any(|(_, known)| known.roles.contains(role)));
        if new {
            shown.push((user.clone(), person));
        }
    }
    shown
}
