//! `gendan bench`: how much work the server does, measured with real sockets against a real process, and held
//! against what the machine can do at best.
//!
//! The load is data in `examples/bench/`; nothing here knows what it is about.

mod crew;
mod drive;
mod growth;
mod hello;
mod load;
mod measure;
mod place;
mod process;
mod report;
mod server;
mod system;
mod text;
mod wire;
mod yardstick;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use super::Failed;
use super::terminal::{Exit, Terminal};

use crew::Crew;
use drive::{Drive, Tally, Work};
use growth::Wanted;
use load::Load;
use measure::{Begun, Window, measured};
use place::{Place, random_word};
use report::{Report, Yardstick};
use server::{Server, Start};
use system::{Machine, folder_bytes};
use yardstick::Bytes;

pub(crate) use hello::Args as HelloArgs;
pub(crate) use hello::run as run_hello;

const EXAMPLES: &str = "\
Examples:
  gendan bench                                     1, 16, 64 and 256 clients for 10 s each
  gendan bench --clients 64 --sustained 120        two minutes, a line for each ten seconds
  gendan bench --cases 200000                      many cases: start, disk, memory and reads with them
  gendan bench --clients 2 --seconds 1 --format json

It starts a server of its own on a free port, with the shipped definitions in a temporary folder, and ends it. Each
client sends a command, waits for its answer and sends the next: a case is opened with five lines and taken through
three transitions and three tasks by people with different keys, with Idempotency-Key and If-Match as a careful
client sends them. Every answer must be the expected one, and what was done is counted on the server at the end;
otherwise it ends with 1. docs/benchmarks.md explains what is measured. Only a release build measures anything.";

/// Clients of a run that does not go through several numbers of them.
const CLIENTS: usize = 64;
/// Seconds that a yardstick is measured at most.
const YARDSTICK_SECONDS_MAX: u64 = 5;
/// Seconds of a line of a sustained run.
const LINE_SECONDS: u64 = 10;

/// Measure the server on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How many clients work at once: one run for each number [default: 1,16,64,256; 64 for a single run]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: Vec<u16>,
    /// Seconds that are measured for each number of clients
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Seconds before that which are not
    #[arg(long, value_name = "N", default_value_t = 2)]
    warm_up: u64,
    /// One long run of so many seconds instead
    #[arg(long, value_name = "SECONDS", conflicts_with = "cases", value_parser = clap::value_parser!(u64).range(1..))]
    sustained: Option<u64>,
    /// Make so many cases, and look at what they do to the server
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    cases: Option<u64>,
    /// With --cases: only open them
    #[arg(long, requires = "cases")]
    open_only: bool,
    /// Keep everything in this folder, which must be empty or not there yet
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A folder with a load.yaml and its tables, to measure something else
    #[arg(long, value_name = "DIR")]
    load: Option<PathBuf>,
    /// The folder that holds the `workflows/` and `rules/` of that load [default: those that are shipped]
    #[arg(long, value_name = "DIR", requires = "load")]
    definitions: Option<PathBuf>,
    /// What the server logs, to a file in the folder
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables, for people
    Text,
    /// JSON, for machines
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    if cfg!(debug_assertions) {
        terminal.warning("this is a debug build: it measures nothing but that everything works");
    }
    let load = Load::read(args.load.as_deref())?;
    let place = Place::prepare(args.data.as_deref(), args.definitions.as_deref(), &random_word()?)?;
    let start = Start::new(&place, &load, &args.log)?;
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tokio = tokio.map_err(|error| Failed::new(Exit::Unreachable, error))?;
    let report = tokio.block_on(async {
        tokio::select! {
            report = work(args, &load, &start, terminal) => report,
            _ = tokio::signal::ctrl_c() => Err(Failed::new(Exit::Refused, "stopped before everything was measured")),
        }
    })?;
    match args.format {
        Format::Text => terminal.out_raw(report::text(&report)),
        Format::Json => terminal.out(serde_json::to_string_pretty(&report).unwrap_or_default()),
    }
    if report.is_good() {
        return Ok(Exit::Done);
    }
    for problem in &report.problems {
        terminal.error(problem);
    }
    Err(Failed::new(Exit::Refused, "not everything was done, or not everything that was done is there"))
}

async fn work(args: &Args, load: &Load, start: &Start<'_>, terminal: &Terminal) -> Result<Report, Failed> {
    let mut done = Tally::default();
    let mut report = match (args.cases, args.sustained) {
        (Some(cases), _) => {
            let steps = if args.open_only { 1 } else { load.commands() };
            let wanted = Wanted { cases, clients: args.single(), steps };
            let (growth, counted) = growth::grow(wanted, load, start, &mut done, terminal).await?;
            Report { growth: Some(growth), counted, ..Report::default() }
        }
        (None, seconds) => {
            let server = start.server()?;
            let run = Run::prepare(load, start, server)?;
            let mut report = match seconds {
                Some(seconds) => run.sustained(args, seconds, &mut done, terminal).await?,
                None => run.steps(args, &mut done, terminal).await?,
            };
            report.counted = run.server.count(load, &done)?;
            run.server.process.stop()?;
            report
        }
    };
    report.load = load.title.clone();
    report.commands_per_case = load.commands();
    report.program = program();
    report.machine = Machine::this();
    report.disk_bytes_per_case = folder_bytes(&start.place.data).checked_div(done.opened).unwrap_or_default();
    report.failed = done.failed;
    report.problems = done.problems;
    Ok(report)
}

/// A server, and the people who work with it.
struct Run<'a> {
    server: Server,
    crew: Arc<Crew>,
    start: &'a Start<'a>,
}

impl<'a> Run<'a> {
    fn prepare(load: &Load, start: &'a Start<'a>, server: Server) -> Result<Self, Failed> {
        let crew = load.prepare(&server.admin, server.process.address, &start.run)?;
        Ok(Self { server, crew: Arc::new(crew), start })
    }

    fn drive(&self, first: u64) -> Arc<Drive> {
        let (crew, steps) = (Arc::clone(&self.crew), self.crew.len());
        Drive::new(self.server.process.address, Work::Cases { crew, first, most: u64::MAX, steps })
    }

    /// A window for each number of clients, and the yardsticks beside it.
    async fn steps(&self, args: &Args, done: &mut Tally, terminal: &Terminal) -> Result<Report, Failed> {
        let (warm_up, time) = (Duration::from_secs(args.warm_up), Duration::from_secs(args.seconds));
        let mut report = Report::default();
        let mut first = 0;
        for clients in args.several() {
            terminal.note(format_args!("{clients} clients"));
            let drive = self.drive(first);
            report.windows.push(measured(&drive, &self.server.process, clients, warm_up, time).await);
            first = drive.next();
            done.add(&drive.tally());
        }
        report.bytes = Bytes::written(self.start.place, done.commands);
        let time = time.min(Duration::from_secs(YARDSTICK_SECONDS_MAX));
        for clients in args.several() {
            report.yardsticks.push(self.yardstick(clients, time, report.bytes).await?);
        }
        Ok(report)
    }

    /// One long run.
    async fn sustained(
        &self,
        args: &Args,
        seconds: u64,
        done: &mut Tally,
        terminal: &Terminal,
    ) -> Result<Report, Failed> {
        let clients = args.single();
        let drive = self.drive(0);
        let running = drive.start(clients);
        tokio::time::sleep(Duration::from_secs(args.warm_up)).await;
        let whole = Begun::now(&drive, &self.server.process);
        let mut windows: Vec<Window> = Vec::new();
        let mut all = Vec::new();
        let mut left = seconds;
        while left > 0 {
            let line = Begun::now(&drive, &self.server.process);
            tokio::time::sleep(Duration::from_secs(left.min(LINE_SECONDS))).await;
            left = left.saturating_sub(LINE_SECONDS);
            let mut samples = drive.take_samples();
            windows.push(line.end(&mut samples, &self.server.process, clients));
            terminal.note(report::line(windows.last(), seconds.saturating_sub(left)));
            all.append(&mut samples);
        }
        windows.push(whole.end(&mut all, &self.server.process, clients));
        drive.stop();
        running.join_all().await;
        done.add(&drive.tally());
        let mut report =
            Report { windows, bytes: Bytes::written(self.start.place, done.commands), ..Report::default() };
        let time = Duration::from_secs(YARDSTICK_SECONDS_MAX.min(seconds));
        report.yardsticks.push(self.yardstick(clients, time, report.bytes).await?);
        Ok(report)
    }

    async fn yardstick(&self, clients: usize, time: Duration, bytes: Bytes) -> Result<Yardstick, Failed> {
        let place = self.start.place;
        let hello = yardstick::hello(place, clients, time / 5, time).await?;
        let append_per_second = yardstick::append(place, bytes.per_command, clients, time)?;
        let journal_per_second = yardstick::journal(place, bytes.per_command, clients, time)?;
        Ok(Yardstick { clients, hello, append_per_second, journal_per_second })
    }
}

impl Args {
    /// The numbers of clients of a run for each.
    fn several(&self) -> Vec<usize> {
        if self.clients.is_empty() {
            vec![1, 16, CLIENTS, 256]
        } else {
            self.clients.iter().map(|clients| usize::from(*clients)).collect()
        }
    }

    /// The clients of a single run.
    fn single(&self) -> usize {
        self.clients.first().map_or(CLIENTS, |clients| usize::from(*clients))
    }
}

fn program() -> String {
    let build = if cfg!(debug_assertions) { "debug build" } else { "release build" };
    format!("gendan {}, {build}", env!("CARGO_PKG_VERSION"))
}
