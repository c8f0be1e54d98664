//! The terminal: the only file that prints.
//!
//! What a command was asked for goes to standard output; everything said about it (progress, notes, errors)
//! goes to standard error, so that output can be piped. Nothing depends on colour.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How a piece of text is painted when colours are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// A heading or the part to read first.
    Strong,
    /// Success.
    Good,
    /// An error.
    Bad,
    /// A warning.
    Doubtful,
    /// The less important part.
    Faint,
}

/// What a command ends with; the number is its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Done = 0,
    /// It was refused, or it found problems.
    Refused = 1,
    /// It was called wrongly.
    Usage = 2,
    /// A server, a folder or a file could not be reached or opened.
    Unreachable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The terminal the command was started from.
#[derive(Clone, Debug)]
pub struct Terminal {
    color_out: bool,
    color_err: bool,
}

impl Terminal {
    /// The terminal of this process. `color` forces colours on or off; without it they are on where the stream
    /// is a terminal.
    #[must_use]
    pub fn new(color: Option<bool>) -> Self {
        Self {
            color_out: color.unwrap_or_else(|| std::io::stdout().is_terminal()),
            color_err: color.unwrap_or_else(|| std::io::stderr().is_terminal()),
        }
    }

    /// Whether standard output takes colours.
    #[must_use]
    pub fn color(&self) -> bool {
        self.color_out
    }

    /// Whether standard error takes colours.
    #[must_use]
    pub fn color_err(&self) -> bool {
        self.color_err
    }

    /// Whether somebody watches standard error, so that it may be redrawn.
    #[must_use]
    pub fn watched(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    /// Prints a line of what was asked for.
    pub fn out(&self, line: impl Display) {
        // Nothing is left to tell when the reader of the pipe has gone.
        let _gone = writeln!(std::io::stdout().lock(), "{line}");
    }

    /// Prints text that ends its lines itself.
    pub fn out_raw(&self, text: impl Display) {
        let mut stdout = std::io::stdout().lock();
        let _gone = write!(stdout, "{text}").and_then(|()| stdout.flush());
    }

    /// Says something about the work: to standard error.
    pub fn note(&self, line: impl Display) {
        let _gone = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// Says what went wrong: to standard error.
    pub fn error(&self, message: impl Display) {
        self.note(format_args!("{}: {message}", self.paint_err(Paint::Bad, "error")));
    }

    /// Says what is doubtful: to standard error.
    pub fn warning(&self, message: impl Display) {
        self.note(format_args!("{}: {message}", self.paint_err(Paint::Doubtful, "warning")));
    }

    /// Says what to do about it: to standard error.
    pub fn help(&self, message: impl Display) {
        self.note(format_args!("{}: {message}", self.paint_err(Paint::Strong, "help")));
    }

    /// The text painted for standard output.
    #[must_use]
    pub fn paint(&self, paint: Paint, text: impl Display) -> String {
        painted(self.color_out, paint, text)
    }

    /// The text painted for standard error.
    #[must_use]
    pub fn paint_err(&self, paint: Paint, text: impl Display) -> String {
        painted(self.color_err, paint, text)
    }

    /// A progress bar on standard error; it draws nothing where nobody watches.
    #[must_use]
    pub fn progress(&self, what: &str, total: u64) -> ProgressBar {
        let target = if self.watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}");
        let bar = ProgressBar::with_draw_target(Some(total), target);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what.to_owned());
        bar
    }
}

fn painted(color: bool, paint: Paint, text: impl Display) -> String {
    let code = match paint {
        Paint::Strong => "1",
        Paint::Good => "32",
        Paint::Bad => "1;31",
        Paint::Doubtful => "1;33",
        Paint::Faint => "2",
    };
    if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_painted_only_where_colours_are_on() {
        assert_eq!(Terminal::new(Some(true)).paint(Paint::Good, "ok"), "\u{1b}[32mok\u{1b}[0m");
        assert_eq!(Terminal::new(Some(false)).paint(Paint::Good, "ok"), "ok");
    }
}
