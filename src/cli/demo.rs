//! `gendan demo`: a server with sample data that has been worked on through its own API.
//!
//! A mapping (`mapping.yaml`) says which rows become rows of tables and cases, and a play who does what with them;
//! both are data in `examples/`, and so are the made-up rows. What the demo does, any client can do.

mod ask;
pub(super) mod embedded;
mod greeting;
mod judge;
mod make;
mod mapping;
mod place;
mod plan;
mod play;
mod player;
mod progress;
mod random;
mod recipe;
mod refill;
mod run;
mod seen;
mod server;
mod source;
mod staff;
mod story;
mod summary;
mod template;
mod time;

use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, NaiveDate};
use clap::ValueEnum;
use serde_json::json;

use super::Failed;
use super::client::{Client, segment};
use super::terminal::{Exit, Terminal};
use crate::clock::Watch;
use crate::model::{Language, Timestamp};

use greeting::Greeting;
use judge::Judged;
use mapping::{FILE, Loaded, Mistakes};
use place::Place;
use plan::{Plan, PlannedResource};
use player::Player;
use server::Server;
use source::Folder;
use summary::Summary;

const EXAMPLES: &str = "\
Examples:
  gendan demo                                      made-up cases, played in seconds; then it serves them
  gendan demo --lang zh --cases 1000 --seed 42
  gendan demo --exit --format json                 only the summary
  gendan demo --data ../northwind                  a folder of CSV files, with the mapping of that name
  gendan demo --data ~/csv --mapping mine.yaml     data of your own

Without --folder everything stands in a folder that is removed at the end. Definitions are those of ./workflows
and ./rules, or, where there are none, a copy of the shipped ones that the demo names.";

/// How many cases are judged at once: that changes nothing, so it needs no order.
const JUDGES: usize = 8;

/// Serve sample data that has been worked on: nothing else needed
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How many cases are made up; of real data, how many are taken at most
    #[arg(long, visible_alias = "orders", value_name = "N")]
    cases: Option<usize>,
    /// What chance begins with: the same seed gives the same cases and the same history
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// A folder of CSV or NDJSON files to take the cases from
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What becomes of the rows [default: mapping.yaml in --data, or the shipped one of that folder's name]
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Keep the demo in this folder, which must be empty or not there yet
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// With --folder: remove the demo that stands there, and begin anew
    #[arg(long, requires = "folder")]
    reset: bool,
    /// The address to listen on [default: 127.0.0.1:8080, or any free port]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// How many people work at once; with more than one, who gets what is scarce is not the same each time
    #[arg(long, value_name = "N", default_value_t = 1)]
    clients: usize,
    /// End after the summary instead of serving on
    #[arg(long)]
    exit: bool,
    /// Only have the rules judge the cases, and open none
    #[arg(long)]
    judge_only: bool,
    /// How the summary is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The language: zh or en
    #[arg(long, env = "LANG", value_name = "LANG", hide_env = true)]
    lang: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// JSON, for machines
    Json,
}

impl From<Mistakes> for Failed {
    fn from(mistakes: Mistakes) -> Self {
        Self::new(Exit::Refused, mistakes)
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    let language = language(args.lang.as_deref());
    let loaded = load(args)?;
    let plan = plan::plan(&loaded, args.seed, args.cases).map_err(|problem| Failed::new(Exit::Refused, problem))?;
    let place = Place::prepare(args.folder.as_deref(), args.reset, Path::new("."))?;
    let outcome = on_place(args, &loaded, &plan, &place, language, terminal);
    place.leave();
    outcome
}

fn on_place(
    args: &Args,
    loaded: &Loaded,
    plan: &Plan,
    place: &Place,
    language: Language,
    terminal: &Terminal,
) -> Result<Exit, Failed> {
    let first = plan.cases.iter().map(|case| case.day).min().unwrap_or(loaded.mapping.clock.date_naive());
    let start = Timestamp(player::morning(first, loaded.mapping.clock).timestamp_millis());
    let server = Server::start(place, args.listen.as_deref(), !args.exit, start, terminal)?;
    let admin = server.admin.in_language(tag(language));
    fits(&admin, &loaded.mapping.workflow, place)?;
    let mut people = staff::hire(&loaded.play, &admin)?;
    for table in &plan.tables {
        let path = format!("/v1/tables/{}", segment(&table.table));
        admin.post_bytes(&path, table.content_type, &table.body)?.ok()?;
    }
    for PlannedResource { pools, .. } in &plan.resources {
        let path = format!("/v1/resources/{}", segment(&pools.table));
        admin.post_bytes(&path, pools.content_type, &pools.body)?.ok()?;
    }
    for person in people.values_mut() {
        person.client = person.client.in_language(tag(language));
    }
    let player = Player {
        loaded,
        people: &people,
        admin: &admin,
        time: &server.time,
        seed: args.seed,
        clients: args.clients.max(1),
        judges_only: args.judge_only,
    };
    let worked = work(&player, plan, &admin, first, language, terminal);
    let summary = worked.map_err(|failed| if server.is_stopped() { interrupted() } else { failed })?;
    match args.format {
        Format::Text => terminal.out_raw(summary::text(&summary, language)),
        Format::Json => terminal.out(serde_json::to_string_pretty(&summary).unwrap_or_default()),
    }
    if args.exit {
        server.stop()?;
        return Ok(Exit::Done);
    }
    let greeting = Greeting {
        address: admin.base().to_owned(),
        clock: shown(loaded.mapping.clock),
        definitions: place.definitions.display().to_string(),
        keys: greeting::keys(loaded, &people, &server.admin_key),
        try_this: greeting::tries(loaded, &people, &summary.stages, &admin)?,
        temporary: place.is_temporary(),
    };
    match args.format {
        Format::Text => terminal.out_raw(format!("\n{}", greeting::text(&greeting, language))),
        Format::Json => terminal.out(json!({ "serving": greeting })),
    }
    server.stay()?;
    Ok(Exit::Done)
}

/// Judges and plays the cases, and counts.
fn work(
    player: &Player<'_>,
    plan: &Plan,
    admin: &Client,
    first: NaiveDate,
    language: Language,
    terminal: &Terminal,
) -> Result<Summary, Failed> {
    let mapping = &player.loaded.mapping;
    let judged = if mapping.judge.is_empty() { None } else { Some(judged(player, plan, admin, terminal)?) };
    let days = (mapping.clock.date_naive() - first).num_days().unsigned_abs() + 1;
    let bar = terminal.progress("", days);
    let watch = Watch::start();
    let stories = player.play(plan, &|day, opened| {
        bar.set_position((day - first).num_days().unsigned_abs());
        bar.set_message(format!("{day}  {opened}"));
    })?;
    let seconds = watch.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let stages = summary::count_stages(admin, &mapping.workflow)?;
    let mut summary = summary::summarize(mapping, player.seed, language, &stories, stages);
    summary.judged = judged;
    summary.take(seconds);
    Ok(summary)
}

fn judged(player: &Player<'_>, plan: &Plan, admin: &Client, terminal: &Terminal) -> Result<Judged, Failed> {
    let bar = terminal.progress("", u64::try_from(plan.cases.len()).unwrap_or(u64::MAX));
    let judged = judge::judge(&player.loaded.mapping, &plan.cases, admin, JUDGES, || bar.inc(1));
    bar.finish_and_clear();
    judged
}

/// Loads the mapping that the arguments mean.
fn load(args: &Args) -> Result<Loaded, Failed> {
    let data = args.data.as_ref().map(|folder| Folder::Disk(folder.clone()));
    let (folder, file) = match (&args.mapping, &args.data) {
        (Some(mapping), _) => {
            let file = mapping.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
            (Folder::Disk(mapping.parent().unwrap_or(Path::new("")).to_owned()), file)
        }
        (None, None) => (Folder::Embedded("demo".into()), FILE.into()),
        (None, Some(data)) if data.join(FILE).is_file() => (Folder::Disk(data.clone()), FILE.into()),
        (None, Some(data)) => (shipped_for(data)?, FILE.into()),
    };
    Ok(mapping::load(&folder, &file, data.as_ref())?)
}

/// The shipped mapping that has the name of the folder.
fn shipped_for(data: &Path) -> Result<Folder, Failed> {
    let path = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let shipped = embedded::examples_with(FILE);
    if shipped.contains(&name) {
        return Ok(Folder::Embedded(name));
    }
    Err(Failed::new(Exit::Usage, format!("`{}` has no {FILE}", data.display()))
        .help(format!("say with --mapping what becomes of its rows; there are mappings for {}", shipped.join(", "))))
}

/// Refuses definitions that know nothing of the workflow of the mapping.
fn fits(admin: &Client, workflow: &str, place: &Place) -> Result<(), Failed> {
    let answer = admin.get(&format!("/v1/workflows/{}", segment(workflow)))?;
    if answer.status != 404 {
        answer.ok()?;
        return Ok(());
    }
    let folder = place.definitions.display();
    Err(Failed::new(Exit::Refused, format!("the definitions in `{folder}` have no workflow `{workflow}`"))
        .help("start the demo in another folder, and it brings the shipped definitions with it"))
}

fn interrupted() -> Failed {
    Failed::new(Exit::Refused, "stopped before everything was played")
}

/// The language that `zh_CN.UTF-8`, `zh` or `en` stands for; English for all others.
fn language(name: Option<&str>) -> Language {
    if name.is_some_and(|name| name.to_ascii_lowercase().starts_with("zh")) { Language::Zh } else { Language::En }
}

fn tag(language: Language) -> &'static str {
    match language {
        Language::Zh => "zh",
        Language::En => "en",
    }
}

fn shown(moment: DateTime<FixedOffset>) -> String {
    moment.format("%Y-%m-%d %H:%M %:z").to_string()
}
