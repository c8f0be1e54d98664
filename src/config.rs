//! The settings, read once: flags, then the environment, then a file, then `config.default.yaml`, which is
//! built in and is their manual.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::http::AttachmentRules;
use crate::model::Timestamp;
use crate::runtime::dispatch::settings::Channels;

/// The defaults with their explanations: the manual of the settings.
pub const MANUAL: &str = include_str!("config.default.yaml");

/// The file that is read when none is named, if it is there.
pub const FILE: &str = "gendan.yaml";

/// What one source says about the settings; what it leaves out is the next source's to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder that holds everything the server remembers; made on the first start [default: data]
    #[arg(long, env = "GENDAN_DATA_DIR", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The folder that holds `workflows/` and `rules/` [default: .]
    #[arg(long, env = "GENDAN_DEFINITIONS", value_name = "DIR")]
    pub definitions: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "GENDAN_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Start the clock at this moment instead of now, such as 2026-09-24T09:00:00+08:00
    #[arg(long, env = "GENDAN_CLOCK", value_name = "RFC3339")]
    pub clock: Option<String>,
    /// What is logged: error, warn, info, debug or trace; also by part [default: info]
    #[arg(long, env = "GENDAN_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How it is logged [default: text]
    #[arg(long, env = "GENDAN_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// The bytes that an attached file may have [default: 20971520]
    #[arg(long, env = "GENDAN_ATTACHMENT_BYTES", value_name = "BYTES")]
    pub attachment_bytes: Option<u64>,
    /// The media types that may be attached, with commas between them
    #[arg(long, env = "GENDAN_ATTACHMENT_TYPES", value_name = "TYPES", value_delimiter = ',')]
    pub attachment_types: Option<Vec<String>>,
    /// The command that looks at a file before it is kept, such as `clamdscan --fdpass`
    #[arg(long, env = "GENDAN_ATTACHMENT_SCANNER", value_name = "COMMAND")]
    pub attachment_scanner: Option<String>,
    /// How messages leave; only from the file.
    #[arg(skip)]
    pub channels: Option<Box<Channels>>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object on each line, for machines.
    Json,
}

/// The settings of a server, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The folder that holds what the server remembers.
    pub data: PathBuf,
    /// The folder that holds `workflows/` and `rules/`.
    pub definitions: PathBuf,
    /// The address to listen on.
    pub listen: String,
    /// The moment that the clock shows at the start; the machine's time without one.
    pub clock: Option<Timestamp>,
    /// What is logged.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Which files may be attached.
    pub attachments: AttachmentRules,
    /// The first API key, when it was given.
    pub admin_key: Option<String>,
    /// How messages leave.
    pub channels: Channels,
}

/// What only the environment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `GENDAN_ADMIN_KEY`.
    pub admin_key: Option<String>,
    /// Whether `NO_COLOR` is set and not empty.
    pub no_color: bool,
}

/// Settings that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read the settings in `{file}`: {reason}")]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// A value that is none.
    #[error("`{value}` is no {setting}: {reason}")]
    Value {
        /// The setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// Why it is none.
        reason: String,
    },
}

impl Environment {
    /// Reads a variable that the file of settings names as the place of a secret.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "settings name the variable")]
    pub fn variable(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// Reads it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment by hand")]
    pub fn read() -> Self {
        let filled = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self { admin_key: filled("GENDAN_ADMIN_KEY"), no_color: filled("NO_COLOR").is_some() }
    }
}

impl Settings {
    /// What this source says, and where it says nothing, what `other` says.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            data: self.data.or(other.data),
            definitions: self.definitions.or(other.definitions),
            listen: self.listen.or(other.listen),
            clock: self.clock.or(other.clock),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
            attachment_bytes: self.attachment_bytes.or(other.attachment_bytes),
            attachment_types: self.attachment_types.or(other.attachment_types),
            attachment_scanner: self.attachment_scanner.or(other.attachment_scanner),
            channels: self.channels.or(other.channels),
        }
    }

    /// What `file` says; without one, what `gendan.yaml` says, if it is there.
    ///
    /// # Errors
    /// When the file can't be read or says something that is no setting.
    pub fn file(file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new(FILE));
        let broken = |reason: String| ConfigError::File { file: path.to_owned(), reason };
        match std::fs::read_to_string(path) {
            Ok(text) => parse(&text).map_err(broken),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => Ok(Self::default()),
            Err(error) => Err(broken(error.to_string())),
        }
    }
}

impl Config {
    /// The settings from flags and environment (which clap has put together), then `file`, then the defaults.
    ///
    /// # Errors
    /// When the file can't be read, or a value is none.
    pub fn read(flags: Settings, file: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let settings = flags.or(Settings::file(file)?);
        let manual = parse(MANUAL).map_err(|reason| ConfigError::File { file: "the defaults".into(), reason })?;
        Self::complete(settings.or(manual), environment)
    }

    fn complete(settings: Settings, environment: &Environment) -> Result<Self, ConfigError> {
        let Settings { data, definitions, listen, clock, log, log_format, channels, .. } = &settings;
        let attachments = attachments(&settings);
        let (data, definitions, listen) = (data.clone(), definitions.clone(), listen.clone());
        let (log, log_format, channels) = (log.clone(), *log_format, channels.clone());
        Ok(Self {
            data: data.unwrap_or_default(),
            definitions: definitions.unwrap_or_default(),
            listen: listen.unwrap_or_default(),
            clock: clock.as_deref().map(moment).transpose()?,
            log: log.unwrap_or_default(),
            log_format: log_format.unwrap_or(LogFormat::Text),
            attachments,
            admin_key: environment.admin_key.clone(),
            channels: channels.map(|channels| *channels).unwrap_or_default(),
        })
    }
}

fn attachments(settings: &Settings) -> AttachmentRules {
    let usual = AttachmentRules::default();
    let scanner = settings.attachment_scanner.as_deref().unwrap_or_default();
    let types = settings.attachment_types.clone().map(|types| {
        types.iter().map(|kind| kind.trim().to_ascii_lowercase()).filter(|kind| !kind.is_empty()).collect()
    });
    AttachmentRules {
        bytes_max: settings.attachment_bytes.unwrap_or(usual.bytes_max),
        types: types.unwrap_or(usual.types),
        scanner: scanner.split_whitespace().map(str::to_owned).collect(),
    }
}

fn parse(text: &str) -> Result<Settings, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Settings::default());
    }
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}

fn moment(text: &str) -> Result<Timestamp, ConfigError> {
    Timestamp::parse(text).map_err(|error| ConfigError::Value {
        setting: "moment for the clock (such as 2026-09-24T09:00:00+08:00)",
        value: text.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(yaml: &str) -> Settings {
        parse(yaml).unwrap()
    }

    #[test]
    fn the_manual_sets_every_setting_to_its_default() {
        let config = Config::complete(settings(MANUAL), &Environment::default()).unwrap();
        let expected = Config {
            data: "data".into(),
            definitions: ".".into(),
            listen: "127.0.0.1:8080".into(),
            clock: None,
            log: "info".into(),
            log_format: LogFormat::Text,
            attachments: AttachmentRules::default(),
            admin_key: None,
            channels: Channels::default(),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn a_setting_comes_from_the_first_source_that_says_it() {
        let flags = settings("{ data: flag }");
        let file = settings("{ data: file, listen: '127.0.0.1:1' }");
        let merged = flags.or(file).or(settings(MANUAL));
        assert_eq!(merged.data, Some("flag".into()));
        assert_eq!(merged.listen.as_deref(), Some("127.0.0.1:1"));
        assert_eq!(merged.log.as_deref(), Some("info"));
    }

    #[test]
    fn a_file_that_says_nothing_is_no_mistake_and_an_unknown_setting_is_one() {
        assert_eq!(settings("# nothing\n\n"), Settings::default());
        let error = parse("lisen: 1").unwrap_err();
        assert!(error.contains("lisen") && error.contains("listen"), "{error}");
    }

    #[test]
    fn a_clock_that_is_no_moment_is_refused_with_an_example() {
        let error = Config::complete(settings("clock: yesterday"), &Environment::default()).unwrap_err().to_string();
        assert!(error.starts_with("`yesterday` is no moment for the clock (such as 2026-09-24T09:00:00+08:00)"));
    }
}
