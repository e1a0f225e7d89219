//! What the program is told when it starts.

use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Evertill: a till that sells whether the network is there or not.

Usage: evertill [--data DIR] [--profiles DIR] [--sample] [--size WxH] [--measure]

  --data DIR      the shop's folder (or TILL_DATA); otherwise the system's data folder
  --profiles DIR  the folder of the country profiles (or TILL_PROFILES); otherwise
                  the one that came with the program
  --sample        the sample shop, made if the folder holds none; cards go to a
                  practice Stripe inside the program, and no money moves
  --size WxH      size of the window, for example 1024x768
  --measure       say on the error output how long it took until the first paint
  --version       the version
";

/// How to start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Args {
    /// Where the shop is; `None` for the usual place.
    pub(crate) data: Option<PathBuf>,
    /// Where the country profiles are; `None` for those that came with the program.
    pub(crate) profiles: Option<PathBuf>,
    /// Make the sample shop where there is none.
    pub(crate) sample: bool,
    /// Inner size of the window, in logical pixels.
    pub(crate) size: Option<(u16, u16)>,
    /// Print `painted_ms=N`.
    pub(crate) measure: bool,
}

/// What the arguments ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Open the till.
    Open(Args),
    /// Print this and end.
    Print(String),
    /// A sentence about what was not understood.
    Unclear(String),
}

/// What the environment names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `TILL_DATA`.
    pub(crate) data: Option<OsString>,
    /// `TILL_PROFILES`.
    pub(crate) profiles: Option<OsString>,
}

/// Reads them. What is given wins over what the environment names.
pub(crate) fn read(given: impl Iterator<Item = OsString>, environment: Environment) -> Asked {
    let named = |folder: Option<OsString>| folder.filter(|d| !d.is_empty()).map(PathBuf::from);
    let mut args = Args {
        data: named(environment.data),
        profiles: named(environment.profiles),
        ..Args::default()
    };
    let mut given = given;
    while let Some(arg) = given.next() {
        let text = arg.to_string_lossy();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
            None => (text.into_owned(), None),
        };
        match name.as_str() {
            "--sample" => args.sample = true,
            "--measure" => args.measure = true,
            "--data" => match value.or_else(|| given.next()) {
                Some(folder) if !folder.is_empty() => args.data = Some(folder.into()),
                Some(_) | None => return Asked::Unclear("--data names no folder.".into()),
            },
            "--profiles" => match value.or_else(|| given.next()) {
                Some(folder) if !folder.is_empty() => args.profiles = Some(folder.into()),
                Some(_) | None => return Asked::Unclear("--profiles names no folder.".into()),
            },
            "--size" => match value.or_else(|| given.next()).and_then(|v| size(&v)) {
                Some(size) => args.size = Some(size),
                None => {
                    return Asked::Unclear(
                        "--size wants a width and a height, as in 1024x768.".into(),
                    );
                }
            },
            "--version" | "-V" => {
                return Asked::Print(concat!("evertill ", env!("CARGO_PKG_VERSION"), "\n").into());
            }
            "--help" | "-h" => return Asked::Print(HELP.into()),
            _ => {
                return Asked::Unclear(format!(
                    "{name} is not an option of evertill. See evertill --help."
                ));
            }
        }
    }
    Asked::Open(args)
}

fn size(text: &OsString) -> Option<(u16, u16)> {
    let (width, height) = text.to_str()?.split_once('x')?;
    let within = |n: &str| n.parse().ok().filter(|n| (320..=8192).contains(n));
    Some((within(width)?, within(height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(words: &str, environment: Option<&str>) -> Asked {
        read(
            words.split_whitespace().map(OsString::from),
            Environment {
                data: environment.map(OsString::from),
                profiles: None,
            },
        )
    }

    fn open(data: Option<&str>, sample: bool) -> Asked {
        Asked::Open(Args {
            data: data.map(PathBuf::from),
            sample,
            ..Args::default()
        })
    }

    #[test]
    fn arguments_are_read() {
        let cases = [
            ("", None, open(None, false)),
            ("--sample", None, open(None, true)),
            ("--data a --sample", None, open(Some("a"), true)),
            ("--data=a", Some("b"), open(Some("a"), false)),
            ("", Some("b"), open(Some("b"), false)),
            ("", Some(""), open(None, false)),
        ];
        for (words, environment, expected) in cases {
            assert_eq!(read_words(words, environment), expected, "{words:?}");
        }
        for (words, environment, expected) in [
            ("--profiles p", Some("q"), "p"),
            ("--profiles=p", None, "p"),
            ("", Some("q"), "q"),
        ] {
            let read = read(
                words.split_whitespace().map(OsString::from),
                Environment {
                    data: None,
                    profiles: environment.map(OsString::from),
                },
            );
            assert_eq!(
                read,
                Asked::Open(Args {
                    profiles: Some(expected.into()),
                    ..Args::default()
                }),
                "{words:?}"
            );
        }
        assert_eq!(
            read_words("--size 1024x768 --measure", None),
            Asked::Open(Args {
                size: Some((1024, 768)),
                measure: true,
                ..Args::default()
            })
        );
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for words in [
            "--data",
            "--profiles",
            "--size",
            "--size 1024",
            "--size 1x1",
            "--simple",
            "shop",
        ] {
            assert!(
                matches!(read_words(words, None), Asked::Unclear(_)),
                "{words}"
            );
        }
        assert!(matches!(read_words("--version", None), Asked::Print(_)));
    }
}
