//! `gendan key`: API keys.

use clap::{Subcommand, ValueEnum};
use comfy_table::{Table, presets};
use serde_json::{Value as Json, json};

use crate::model::Timestamp;
use crate::runtime::Failure;
use crate::store::KeyRecord;

use super::Failed;
use super::client::segment;
use super::target::{Target, offline};
use super::terminal::{Exit, Terminal};

const EXAMPLES: &str = "\
Examples:
  gendan key create --user ann --role reviewer --key gk_...
  gendan key list --format json
  gendan key revoke 3f9c2a71
  gendan key create --user ann --role admin --data /var/lib/gendan     when the last admin key is lost";

/// Create, list and revoke API keys
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Create a key and print it, once: only its hash is stored
    Create {
        /// Who it authenticates
        #[arg(long)]
        user: String,
        /// A role it gives (may be repeated); `admin` may change keys, tables and definitions
        #[arg(long, required = true)]
        role: Vec<String>,
        /// When it ends by itself, such as 2027-01-31T00:00:00+08:00
        #[arg(long, value_name = "RFC3339")]
        expires: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List the keys; the secrets are not stored and can't be shown
    List {
        /// How they are written
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a key: it is refused from now on
    Revoke {
        /// The key's id, as `gendan key list` shows it
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table, for people
    Text,
    /// JSON, for machines
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    match &args.act {
        Act::Create { user, role, expires, target } => {
            terminal.out(create(target, user, role, expires.as_deref())?);
            terminal.note("this is the only time it is shown");
        }
        Act::List { format, target } => list(&all(target)?, *format, terminal),
        Act::Revoke { id, target } => {
            revoke(target, id)?;
            terminal.note(format_args!("key {id} is revoked"));
        }
    }
    Ok(Exit::Done)
}

fn create(target: &Target, user: &str, roles: &[String], expires: Option<&str>) -> Result<String, Failed> {
    let Some(data) = &target.data else {
        let body = json!({ "user": user, "roles": roles, "expires_at": expires });
        let made = target.client().post("/v1/keys", &body)?.ok()?;
        return Ok(made.json.get("key").and_then(Json::as_str).unwrap_or_default().to_owned());
    };
    let end = expires.map(Timestamp::parse).transpose().map_err(|error| {
        Failed::new(Exit::Usage, format!("`{}` is no moment: {error}", expires.unwrap_or_default()))
    })?;
    let (tokio, runtime) = offline(data, &target.definitions)?;
    let roles = roles.iter().map(|role| role.as_str().into()).collect();
    let made = tokio.block_on(runtime.create_key(user, roles, end));
    runtime.stop();
    made.map(|(_, key)| key).map_err(|failure| refused(&failure))
}

fn revoke(target: &Target, id: &str) -> Result<(), Failed> {
    let Some(data) = &target.data else {
        target.client().delete(&format!("/v1/keys/{}", segment(id)))?.ok()?;
        return Ok(());
    };
    let (tokio, runtime) = offline(data, &target.definitions)?;
    let revoked = tokio.block_on(runtime.revoke_key(id));
    runtime.stop();
    revoked.map(|_| ()).map_err(|failure| refused(&failure))
}

/// The keys, an object each.
fn all(target: &Target) -> Result<Vec<Json>, Failed> {
    let Some(data) = &target.data else {
        let keys = target.client().get("/v1/keys")?.ok()?.json;
        return Ok(keys.get("data").and_then(Json::as_array).cloned().unwrap_or_default());
    };
    let (_tokio, runtime) = offline(data, &target.definitions)?;
    let keys = runtime.keys().iter().map(as_json).collect();
    runtime.stop();
    Ok(keys)
}

fn as_json(key: &KeyRecord) -> Json {
    let moment = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
    json!({
        "id": key.id,
        "user": key.user,
        "roles": key.roles,
        "last4": key.last4,
        "created_at": key.created_at.to_string(),
        "expires_at": moment(key.expires_at),
        "revoked_at": moment(key.revoked_at),
    })
}

fn refused(failure: &Failure) -> Failed {
    let Failure::NotFound { what, name } = failure else {
        return Failed::new(Exit::Refused, "the store did not take it; the log says why");
    };
    Failed::new(Exit::Refused, format!("there is no {what} `{name}`"))
}

fn list(keys: &[Json], format: Format, terminal: &Terminal) {
    if format == Format::Json {
        terminal.out(json!({ "data": keys }));
        return;
    }
    let columns = ["id", "user", "roles", "last4", "created_at", "expires_at", "revoked_at"];
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns);
    for key in keys {
        table.add_row(columns.map(|column| cell(key.get(column))));
    }
    terminal.out(table);
}

fn cell(value: Option<&Json>) -> String {
    match value {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "),
        None | Some(Json::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}
