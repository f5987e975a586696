//! `--line N --quantity Q` and `--line N --total FEN`, any number of times: what belongs together is told by the order.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

use super::argument::read;
use crate::invoice::money::{Fen, Quantity};
use crate::invoice::reversal::LineAsked;

/// Lines of a blue invoice that are to be taken back; none: everything that is left.
pub struct Lines(pub Vec<LineAsked>);

/// One of the three options, as it stands on the command line.
enum Part {
    Line(u32),
    Quantity(Quantity),
    Total(Fen),
}

fn fen(text: &str) -> Result<Fen, String> {
    let fen: i64 = text.parse().map_err(|e| format!("{e}"))?;
    Fen::try_from(fen).map_err(|fault| fault.message)
}

fn repeated(name: &'static str, value_name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value_name).help(help).action(ArgAction::Append)
}

impl Args for Lines {
    fn augment_args(command: Command) -> Command {
        let line =
            "A line to take back, by its position from 0; may be given several times. Without any: all that is left";
        let quantity = "How many of the line before it; left out, all that is left of it";
        let total = "How much of the line before it, in fen with tax, instead of a quantity";
        command
            .arg(repeated("line", "N", line).value_parser(value_parser!(u32)))
            .arg(repeated("quantity", "Q", quantity).value_parser(read::<Quantity>))
            .arg(repeated("total", "FEN", total).value_parser(fen))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn placed<T: Copy + Send + Sync + 'static>(
    matches: &ArgMatches,
    name: &str,
    part: fn(T) -> Part,
) -> Vec<(usize, Part)> {
    let values = matches.get_many::<T>(name).into_iter().flatten().copied().map(part);
    matches.indices_of(name).into_iter().flatten().zip(values).collect()
}

impl FromArgMatches for Lines {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut parts = placed(matches, "line", Part::Line);
        parts.extend(placed(matches, "quantity", Part::Quantity));
        parts.extend(placed(matches, "total", Part::Total));
        parts.sort_by_key(|(index, _)| *index);
        let mut lines: Vec<LineAsked> = Vec::new();
        for (_, part) in parts {
            match (part, lines.last_mut()) {
                (Part::Line(line), _) => lines.push(LineAsked { line, quantity: None, total: None }),
                (Part::Quantity(quantity), Some(last)) if last.quantity.is_none() => last.quantity = Some(quantity),
                (Part::Total(total), Some(last)) if last.total.is_none() => last.total = Some(total),
                (Part::Quantity(_) | Part::Total(_), _) => {
                    let message = "--quantity and --total stand behind the --line that they are of, once each\n";
                    return Err(Error::raw(ErrorKind::ArgumentConflict, message));
                }
            }
        }
        Ok(Self(lines))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        lines: Lines,
    }

    fn asked(arguments: &[&str]) -> Result<serde_json::Value, ErrorKind> {
        let cli = Cli::try_parse_from([&["x"], arguments].concat()).map_err(|error| error.kind())?;
        Ok(serde_json::to_value(cli.lines.0).unwrap())
    }

    #[test]
    fn each_amount_goes_with_the_line_before_it() {
        let given = ["--line", "4", "--line", "2", "--quantity", "1.5", "--line=0", "--total=700"];
        let wanted = json!([{ "line": 4 }, { "line": 2, "quantity": "1.5" }, { "line": 0, "total": 700 }]);
        assert_eq!(asked(&given).unwrap(), wanted);
        assert_eq!(asked(&[]).unwrap(), json!([]));
    }

    #[test]
    fn an_amount_without_a_line_is_a_mistake() {
        for given in [
            &["--quantity", "1"][..],
            &["--total", "5", "--line", "0"],
            &["--line", "0", "--total", "5", "--total", "6"],
        ] {
            assert_eq!(asked(given), Err(ErrorKind::ArgumentConflict), "{given:?}");
        }
        assert_eq!(asked(&["--line", "0", "--quantity", "1e3"]), Err(ErrorKind::ValueValidation));
    }
}
