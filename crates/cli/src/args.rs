//! The command line. PINs and keys are nowhere on it: a process's arguments can be
//! read by every other process of the machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// The till without a window: everything the window can do to money, for scripts,
/// support and machines with no display.
#[derive(Debug, Parser)]
#[command(
    name = "till",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 done, 1 refused by a rule, 2 unreadable input, 3 a verification \
                  found a difference, 4 the data folder is in use, 5 the outside world failed \
                  and nothing is lost.\n\nExample:\n  till --data /tmp/shop init --sample\n  \
                  till demo --sales 40 --seed 7 --faults 0.3 --out /tmp/day"
)]
pub(crate) struct Cli {
    /// The shop's data folder; the platform's data folder when absent.
    #[arg(long, env = "TILL_DATA", value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// The folder of the country profiles; those that came with the program when absent.
    #[arg(long, env = "TILL_PROFILES", value_name = "DIR", global = true)]
    pub profiles: Option<PathBuf>,
    /// One JSON document on standard output, and nothing else.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play a whole trading day against the built-in Stripe stand-in, and check the books.
    #[command(
        after_help = "Example:\n  till demo --sales 500 --seed 1 --faults 0.3 --out /tmp/day"
    )]
    Demo(DemoArgs),
    /// Make a shop in the data folder.
    #[command(
        after_help = "Examples:\n  till init --sample\n  till init --profile NL --name 'De Groene \
                      Hoek' --manager 'Marta Peña'   (asks for her PIN)\n  till init --profile CA \
                      --place CA-QC --name 'Chez Marta'"
    )]
    Init(InitArgs),
    /// The country profiles: what the law of a country asks of a till.
    #[command(subcommand)]
    Profiles(ProfilesCommand),
    /// Price a basket: JSON on standard input, its quote on standard output.
    #[command(after_help = "Example:\n  till price --explain < basket.json")]
    Price {
        /// Say why, step by step.
        #[arg(long)]
        explain: bool,
    },
    /// What a scan means.
    #[command(
        after_help = "Examples:\n  till barcode --json 4006381333931 '(01)09501101530003(3103)001750'\n  \
                      till barcode --json --rules scale.json 0298765004993\n  till barcode - < codes.txt\n\n\
                      A file of rules: [{\"pattern\": \"02.....{NNNDD}.\", \"kind\": \"price\"}]"
    )]
    Barcode(BarcodeArgs),
    /// Commit a sale: JSON on standard input, its receipt number on standard output.
    #[command(
        after_help = "Example:\n  echo '{\"user\":\"Inés Núñez\",\"pin\":\"1111\",\"lines\":[{\"code\":\
                      \"8700000012011\",\"quantity\":\"2\"}],\"tenders\":[{\"kind\":\"cash\",\
                      \"amount\":\"5.00\"}]}' | till sell"
    )]
    Sell(KeyArgs),
    /// Give money back: JSON on standard input.
    #[command(
        after_help = "Example:\n  echo '{\"user\":\"Inés Núñez\",\"pin\":\"1111\",\"receipt\":\
                      \"1-000001\",\"lines\":[{\"product\":\"1201\",\"quantity\":\"1\",\
                      \"restock\":true}],\"reason\":\"damaged\"}' | till refund"
    )]
    Refund,
    /// Put the open sale aside.
    #[command(after_help = "Example:\n  till suspend --user 'Inés Núñez'")]
    Suspend(Who),
    /// Take up a suspended sale: the newest, or the one named.
    #[command(after_help = "Example:\n  till recall --user 'Inés Núñez'")]
    Recall(RecallArgs),
    /// Undo the open sale.
    #[command(after_help = "Example:\n  till void --user 'Inés Núñez'")]
    Void(Who),
    /// What waits for Stripe, and what a person may decide.
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Disputes, and refunds made in Stripe's dashboard.
    #[command(
        after_help = "Examples:\n  till cases\n  till cases --look --key-from-stdin --json < key"
    )]
    Cases(CasesArgs),
    /// The shop's card readers.
    #[command(subcommand)]
    Readers(ReadersCommand),
    /// The journal against Stripe, both ways. Exit 3 where they differ.
    #[command(
        after_help = "Examples:\n  till reconcile --key-from-stdin < key\n  till reconcile --day \
                      2026-11-21 --json\n  till reconcile --last"
    )]
    Reconcile(ReconcileArgs),
    /// The drawer's day.
    #[command(subcommand)]
    Shift(ShiftCommand),
    /// X and Z reports.
    #[command(subcommand)]
    Report(ReportCommand),
    /// A receipt again, marked as a duplicate.
    #[command(
        after_help = "Example:\n  till receipt 1-000001 --format pdf --out /tmp/r.pdf --user 'Inés Núñez'"
    )]
    Receipt(ReceiptArgs),
    /// The chained record of all that happened.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// The Stripe account.
    #[command(subcommand)]
    Stripe(StripeCommand),
    /// The shop's promotions.
    #[command(subcommand)]
    Promotions(PromotionsCommand),
    /// Customers' data.
    #[command(subcommand)]
    Customers(CustomersCommand),
    /// The shop's settings: taxes, rounding, limits, texts, printer.
    #[command(subcommand)]
    Settings(SettingsCommand),
    /// The staff.
    #[command(subcommand)]
    Users(UsersCommand),
    /// The catalogue.
    #[command(subcommand)]
    Products(ProductsCommand),
    /// Run the Stripe stand-in on its own.
    #[command(
        after_help = "Example:\n  till stand-in --listen 127.0.0.1:12111 --faults faults.json"
    )]
    StandIn(StandInArgs),
    /// What is wrong with this machine, and what to do about it.
    #[command(after_help = "Example:\n  till doctor")]
    Doctor,
    /// Completions for a shell.
    #[command(
        after_help = "Example:\n  till completions bash > ~/.local/share/bash-completion/completions/till"
    )]
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// The manual page.
    #[command(after_help = "Example:\n  till man > till.1")]
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many sales.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(20..=20_000))]
    pub sales: u32,
    /// The same seed gives the same output, byte for byte.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The share of requests to Stripe that go wrong, from 0 to 0.9.
    #[arg(long, default_value = "0.1", value_parser = rate)]
    pub faults: Rate,
    /// Where receipts and reports are written, as PDF.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// A share in thousandths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate(pub u16);

fn rate(text: &str) -> Result<Rate, String> {
    let bad = || "a rate is a decimal from 0 to 0.9, such as 0.3".to_owned();
    let share = crate::input::decimal(text).ok_or_else(bad)?;
    let permille = share
        .checked_mul(rust_decimal::Decimal::ONE_THOUSAND)
        .ok_or_else(bad)?
        .trunc();
    match u16::try_from(permille) {
        Ok(permille) if permille <= 900 => Ok(Rate(permille)),
        Ok(_) | Err(_) => Err(bad()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The sample shop, with staff, products and customers.
    #[arg(long, conflicts_with_all = ["profile", "place", "name", "manager"], required_unless_present = "profile")]
    pub sample: bool,
    /// A country profile, such as NL; `till profiles list` names them.
    #[arg(long, value_name = "CODE", requires = "name")]
    pub profile: Option<String>,
    /// A place of the country with taxes of its own, such as CA-QC.
    #[arg(long, value_name = "CODE", requires = "profile")]
    pub place: Option<String>,
    /// The shop's name.
    #[arg(long)]
    pub name: Option<String>,
    /// The first manager, whose PIN is asked for.
    #[arg(long, default_value = "Manager")]
    pub manager: String,
    /// The currency expected of the profile.
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// A file that holds the PIN.
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    /// The countries there are, and the files that cannot be read.
    #[command(after_help = "Example:\n  till profiles list --json")]
    List,
    /// One profile: its taxes on a day, its places, its sources.
    #[command(after_help = "Example:\n  till profiles show FI --on 2025-12-31")]
    Show {
        /// ISO 3166, such as FI.
        code: String,
        /// On which day; the day the file speaks for when absent.
        #[arg(long, value_name = "DAY")]
        on: Option<String>,
    },
    /// Read a file, and say where it is wrong.
    #[command(after_help = "Example:\n  till profiles check ./XX.toml")]
    Check {
        /// A profile.
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BarcodeArgs {
    /// A file of rules for codes with a price, a weight or a quantity in them, instead
    /// of the shop's own.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// What was scanned; `-` or none for standard input, one a line.
    #[arg(value_name = "CODE")]
    pub codes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Read the Stripe key from the first line of standard input, and forget it after.
    #[arg(long)]
    pub key_from_stdin: bool,
}

/// How a customer is reached.
#[derive(Debug, Args)]
pub(crate) struct Contact {
    /// E-mail address.
    #[arg(long)]
    pub email: Option<String>,
    /// Telephone.
    #[arg(long)]
    pub phone: Option<String>,
}

/// Who does it.
#[derive(Debug, Args)]
pub(crate) struct Who {
    /// Name or id of the person; the PIN is asked for.
    #[arg(long, value_name = "NAME")]
    pub user: String,
    /// A file that holds the PIN.
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

/// Who lets it pass.
#[derive(Debug, Args)]
pub(crate) struct Approver {
    /// A manager who approves; the PIN is asked for after the first.
    #[arg(long, value_name = "NAME")]
    pub manager: Option<String>,
    /// A file that holds the manager's PIN.
    #[arg(long, value_name = "FILE")]
    pub manager_pin_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RecallArgs {
    #[command(flatten)]
    pub who: Who,
    /// Id of the sale; the newest when absent.
    pub sale: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// What waits, and what needs a person.
    #[command(after_help = "Example:\n  till outbox list --json")]
    List,
    /// Send what is due now.
    #[command(after_help = "Example:\n  till outbox send --until-quiet --key-from-stdin < key")]
    Send {
        /// Go on until nothing waits, or Stripe cannot be reached.
        #[arg(long)]
        until_quiet: bool,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// One entry and its whole history.
    #[command(after_help = "Example:\n  till outbox show 019ee0c2-…")]
    Show {
        /// Id of the entry.
        id: String,
    },
    /// Decide about an entry that needs a person.
    #[command(
        after_help = "Example:\n  till outbox resolve 019ee0c2-… write-off --user 'Inés Núñez' \
                      --manager 'Marta Peña' --reason 'moved away'"
    )]
    Resolve {
        /// Id of the entry.
        id: String,
        /// What is decided.
        action: Action,
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        approver: Approver,
        /// Why; a write-off needs it, and a refund that is settled.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CasesArgs {
    /// Ask Stripe for news first.
    #[arg(long)]
    pub look: bool,
    #[command(flatten)]
    pub key: KeyArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReadersCommand {
    /// As Stripe listed them last; `--look` asks it first.
    #[command(after_help = "Examples:\n  till readers list\n  till readers list --look --json")]
    List {
        /// Ask Stripe first.
        #[arg(long)]
        look: bool,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Where the shop is. Stripe is told once, before the first reader is registered.
    #[command(
        after_help = "Examples:\n  till readers location --user Ada --pin-file pin --country NL \
                      --line1 'Oude Gracht 12' --city Utrecht --postal-code '3511 AB'\n  till \
                      readers location --user Ada --pin-file pin --id tml_ABC123"
    )]
    Location {
        /// A location that Stripe has already.
        #[arg(long, value_name = "TML", conflicts_with_all = ["line1", "city", "postal_code", "state", "country"])]
        id: Option<String>,
        /// Street and number; what is left out is read off the shop's address.
        #[arg(long)]
        line1: Option<String>,
        /// Town.
        #[arg(long)]
        city: Option<String>,
        /// Postal code.
        #[arg(long)]
        postal_code: Option<String>,
        /// State or province.
        #[arg(long)]
        state: Option<String>,
        /// Two letters.
        #[arg(long)]
        country: Option<String>,
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Register a reader by the code on its screen.
    #[command(
        after_help = "Example:\n  till readers register quick-brown-fox --label Counter --user Ada \
                      --pin-file pin"
    )]
    Register {
        /// The code; `simulated-wpe` in test mode.
        code: String,
        /// What the shop calls it.
        #[arg(long)]
        label: String,
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Send this till's cards to a reader.
    #[command(after_help = "Example:\n  till readers use tmr_ABC123 --user Ada --pin-file pin")]
    Use {
        /// Its id or its name.
        reader: String,
        #[command(flatten)]
        who: Who,
    },
    /// Forget a reader here; at Stripe it stays registered.
    #[command(after_help = "Example:\n  till readers forget tmr_ABC123 --user Ada --pin-file pin")]
    Forget {
        /// Its id or its name.
        reader: String,
        #[command(flatten)]
        who: Who,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// Which day; today so far when absent.
    #[arg(long, value_name = "DAY")]
    pub day: Option<String>,
    /// Up to which day, from `--day` on.
    #[arg(long, value_name = "DAY", requires = "day")]
    pub until: Option<String>,
    /// What the last comparison found; asks nothing.
    #[arg(long, conflicts_with = "day")]
    pub last: bool,
    #[command(flatten)]
    pub key: KeyArgs,
}

/// A decision about an entry.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Action {
    /// Make it due now.
    SendNow,
    /// Try the same card once more; of a refund: ask for the card at the reader.
    TryAgain,
    /// Ask for it by a link; the card is cancelled at Stripe first.
    PayLink,
    /// The customer paid cash; cancelled at Stripe first.
    TakeCash,
    /// A manager gives the money up.
    WriteOff,
    /// Take a refund off the card reader.
    TakeOffReader,
    /// The customer got in cash what a refund could not give.
    GiveCash,
    /// A manager looked, and the refund is settled in another way; sends nothing.
    Settled,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ShiftCommand {
    /// Open a shift with its float.
    #[command(after_help = "Example:\n  till shift open 150.00 --user 'Inés Núñez'")]
    Open {
        /// Cash in the drawer.
        float: String,
        #[command(flatten)]
        who: Who,
    },
    /// Cash put in without a sale.
    #[command(
        after_help = "Example:\n  till shift paid-in 20.00 'change from the bank' --user 'Inés Núñez'"
    )]
    PaidIn {
        /// How much.
        amount: String,
        /// Why.
        reason: String,
        #[command(flatten)]
        who: Who,
    },
    /// Cash taken out without a sale.
    #[command(
        after_help = "Example:\n  till shift paid-out 12.50 'window cleaner' --user 'Inés Núñez'"
    )]
    PaidOut {
        /// How much.
        amount: String,
        /// Why.
        reason: String,
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        approver: Approver,
    },
    /// Open the drawer for neither.
    #[command(
        after_help = "Example:\n  till shift no-sale 'change for the meter' --user 'Inés Núñez'"
    )]
    NoSale {
        /// Why.
        reason: String,
        #[command(flatten)]
        who: Who,
    },
    /// Count the drawer, blind: what was expected is said after it.
    #[command(
        after_help = "Example:\n  till shift count 50.00=3 20.00=4 0.05=7 --foreign USD=40.00 --user \
                      'Inés Núñez'"
    )]
    Count {
        /// NOTE=HOW-MANY, a note or coin each.
        #[arg(required = true, value_name = "NOTE=PIECES")]
        pieces: Vec<String>,
        /// CURRENCY=AMOUNT, notes of another currency.
        #[arg(long, value_name = "CURRENCY=AMOUNT")]
        foreign: Vec<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Close the shift with its Z report.
    #[command(after_help = "Example:\n  till shift close --user 'Inés Núñez' --next-float 150.00")]
    Close {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        approver: Approver,
        /// What a difference is put down to.
        #[arg(long, default_value = "")]
        note: String,
        /// What stays in the drawer.
        #[arg(long, value_name = "AMOUNT")]
        next_float: Option<String>,
    },
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// As printed.
    Text,
    /// For scripts.
    Json,
    /// A page.
    Pdf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// The open shift so far. Resets nothing.
    #[command(after_help = "Example:\n  till report x --user 'Inés Núñez'")]
    X {
        #[command(flatten)]
        who: Who,
        /// How it is written.
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
        /// A file instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// A closed shift, from the journal; the newest when no number is given.
    #[command(after_help = "Example:\n  till report z 214 --format pdf --out /tmp/z.pdf")]
    Z {
        /// Its number.
        number: Option<i64>,
        /// How it is written.
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
        /// A file instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// How a receipt is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReceiptFormat {
    /// Rows of 42 columns.
    Text,
    /// A page; journalled as a reprint.
    Pdf,
    /// The printer's bytes.
    Escpos,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiptArgs {
    /// Such as 1-000123.
    pub number: String,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = ReceiptFormat::Text)]
    pub format: ReceiptFormat,
    /// A file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Who hands it out; a PDF wants a person, whose PIN is asked for.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// A file that holds the PIN.
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Verify the chain, of this folder or of an exported file alone.
    #[command(after_help = "Example:\n  till journal verify --from journal.jsonl")]
    Verify {
        /// An exported file; no data folder is opened.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// JSON Lines on standard output, one entry a line.
    #[command(after_help = "Example:\n  till journal export > journal.jsonl")]
    Export,
    /// Fold the journal anew and compare every projection with it.
    #[command(after_help = "Example:\n  till journal rebuild")]
    Rebuild,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StripeCommand {
    /// Join the till to the account of a key, which is asked for or read from a line of
    /// standard input.
    #[command(
        after_help = "Example:\n  till stripe connect --api-base http://127.0.0.1:12111 < key"
    )]
    Connect {
        /// Where Stripe is, for stand-ins.
        #[arg(long, value_name = "URL")]
        api_base: Option<String>,
        /// Keep the key nowhere: commands that send take it with --key-from-stdin.
        #[arg(long)]
        without_keyring: bool,
    },
    /// What is known of the account.
    #[command(after_help = "Example:\n  till stripe status --json")]
    Status,
    /// Keep the secret that webhooks are signed with; it is asked for or read from a line
    /// of standard input.
    #[command(after_help = "Example:\n  stripe listen --print-secret | till stripe webhook-secret")]
    WebhookSecret,
    /// Hear webhooks on 127.0.0.1 until it is stopped. What an event names is fetched
    /// before it is believed, as when the till asks by itself.
    #[command(after_help = "Example:\n  till stripe listen --port 4242\n  \
                      stripe listen --forward-to 127.0.0.1:4242")]
    Listen {
        /// Where on this machine; 0 for any that is free.
        #[arg(long, default_value_t = 4242)]
        port: u16,
        #[command(flatten)]
        key: KeyArgs,
        /// Read the webhook secret from a line of standard input, after the key's.
        #[arg(long)]
        secret_from_stdin: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromotionsCommand {
    /// What the shop offers.
    #[command(after_help = "Example:\n  till promotions list")]
    List,
    /// All of it as JSON, in the form that `import` reads.
    #[command(after_help = "Example:\n  till promotions export > promotions.json")]
    Export,
    /// Take promotions in from a file, JSON or TOML; one of a known id is replaced. A file
    /// with a bad row changes nothing, and every bad row is named.
    #[command(
        after_help = "Example:\n  till promotions import promotions.json --dry-run --user 'Marta Peña'"
    )]
    Import {
        /// Ends in .json or .toml.
        file: PathBuf,
        /// Say what would change, and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// The file is the whole list: what it does not name is taken away.
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        who: Who,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CustomersCommand {
    /// Add a customer.
    #[command(
        after_help = "Example:\n  till customers add 'Ana Ortega' --email ana@post.example --user \
                      'Inés Núñez'"
    )]
    Add {
        /// Name.
        name: String,
        #[command(flatten)]
        contact: Contact,
        #[command(flatten)]
        who: Who,
    },
    /// Change what a customer is called and how they are reached; what is not named is
    /// taken away.
    #[command(
        after_help = "Example:\n  till customers edit 'Ana Ortega' 'Ana Ortega' --phone '06 0000 \
                      0001' --user 'Inés Núñez'"
    )]
    Edit {
        /// Id or whole name.
        id: String,
        /// Name from now on.
        name: String,
        #[command(flatten)]
        contact: Contact,
        #[command(flatten)]
        who: Who,
    },
    /// Customers by a part of their name, with their cards.
    #[command(after_help = "Example:\n  till customers list ortega --json")]
    List {
        /// A part of the name; all when absent.
        #[arg(default_value = "")]
        text: String,
    },
    /// One customer: how to reach them, their cards, and what is under way.
    #[command(
        visible_alias = "cards",
        after_help = "Examples:\n  till customers show 'Ana Ortega' --user 'Inés Núñez'\n  till \
                      customers cards 'Ana Ortega' --look --user 'Inés Núñez'"
    )]
    Show {
        /// Id or whole name.
        id: String,
        /// Ask Stripe first what became of a card that is being saved or removed.
        #[arg(long)]
        look: bool,
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        who: Who,
    },
    /// Save a card that the customer agrees to have kept: on Stripe's page, whose address
    /// is printed, or at a reader. Without `--agreed` it prints the words to agree to.
    #[command(
        after_help = "Examples:\n  till customers save-card 'Ana Ortega' --user 'Inés Núñez'\n  till \
                      customers save-card 'Ana Ortega' --agreed 1-72 --wait --user 'Inés Núñez'"
    )]
    SaveCard {
        /// Id or whole name.
        id: String,
        /// The version of the words that the customer was shown and agreed to.
        #[arg(long, value_name = "VERSION")]
        agreed: Option<String>,
        /// At this reader of Stripe's, instead of on the page.
        #[arg(long, value_name = "TMR")]
        reader: Option<String>,
        /// Wait until it is saved, refused or given up.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        who: Who,
    },
    /// Give up saving a card.
    #[command(
        after_help = "Example:\n  till customers cancel-card 'Ana Ortega' --user 'Inés Núñez'"
    )]
    CancelCard {
        /// Id or whole name of the customer.
        id: String,
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        who: Who,
    },
    /// Charge this card where no other is chosen.
    #[command(
        after_help = "Example:\n  till customers default-card 'Ana Ortega' 4242 --user 'Inés Núñez'"
    )]
    DefaultCard {
        /// Id or whole name of the customer.
        id: String,
        /// Id of the card, or its last four digits where that says which.
        card: String,
        #[command(flatten)]
        who: Who,
    },
    /// Remove a card: it is charged no more, and Stripe is told when it can be.
    #[command(
        after_help = "Example:\n  till customers remove-card 'Ana Ortega' 4242 --user 'Inés Núñez'"
    )]
    RemoveCard {
        /// Id or whole name of the customer.
        id: String,
        /// Id of the card, or its last four digits where that says which.
        card: String,
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        who: Who,
    },
    /// Put a customer into groups that promotions are for, and out of all others.
    #[command(
        after_help = "Example:\n  till customers groups 'Ana Ortega' members --user 'Marta Peña'"
    )]
    Groups {
        /// Id or whole name.
        id: String,
        /// Names of the groups; none takes the customer out of all.
        groups: Vec<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Charge a customer other taxes than those of the products: an exemption of the shop's
    /// settings, by its code.
    #[command(
        after_help = "Example:\n  till customers taxes 'Ana Ortega' diplomat --user 'Marta Peña'"
    )]
    Taxes {
        /// Id or whole name.
        id: String,
        /// Code of the exemption; none takes it from the customer.
        set: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Erase a customer's personal data. The journal holds their id alone and still verifies.
    #[command(after_help = "Example:\n  till customers erase 'Ana Ortega' --user 'Marta Peña'")]
    Erase {
        /// Id or whole name.
        id: String,
        #[command(flatten)]
        who: Who,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// All settings, as a file that `settings set` takes.
    #[command(after_help = "Example:\n  till settings show > shop.toml")]
    Show,
    /// Set what a file says: all of it, or the few settings that change.
    #[command(
        after_help = "Example:\n  till settings set shop.toml --user 'Marta Peña'\n  echo 'footer = \
                      \"Tot ziens!\"' | till settings set - --user 'Marta Peña' --pin-file pin"
    )]
    Set {
        /// A TOML file, or `-` for standard input, after a line with the PIN where no file has it.
        file: PathBuf,
        #[command(flatten)]
        who: Who,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Everybody, and who may not sign in.
    #[command(after_help = "Example:\n  till users list --json")]
    List,
    /// Add somebody. Your PIN is asked for first, then theirs.
    #[command(
        after_help = "Example:\n  till users add 'Inés Núñez' --role cashier --user 'Marta Peña'"
    )]
    Add {
        /// Their name.
        name: String,
        /// What they may do.
        #[arg(long, default_value = "cashier")]
        role: RoleWord,
        #[command(flatten)]
        who: Who,
        /// A file that holds their PIN.
        #[arg(long, value_name = "FILE")]
        new_pin_file: Option<PathBuf>,
    },
    /// Another PIN, and a lock is opened. Your PIN is asked for first, then the new one.
    #[command(after_help = "Example:\n  till users pin 'Inés Núñez' --user 'Marta Peña'")]
    Pin {
        /// Name or id.
        name: String,
        #[command(flatten)]
        who: Who,
        /// A file that holds the new PIN.
        #[arg(long, value_name = "FILE")]
        new_pin_file: Option<PathBuf>,
    },
    /// Somebody signs in no more; what they did stays under their name.
    #[command(after_help = "Example:\n  till users disable 'Inés Núñez' --user 'Marta Peña'")]
    Disable {
        /// Name or id.
        name: String,
        #[command(flatten)]
        who: Who,
    },
    /// Somebody may sign in again.
    #[command(after_help = "Example:\n  till users enable 'Inés Núñez' --user 'Marta Peña'")]
    Enable {
        /// Name or id.
        name: String,
        #[command(flatten)]
        who: Who,
    },
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RoleWord {
    /// Sells.
    Cashier,
    /// Approves too.
    Manager,
    /// A manager who owns the shop.
    Owner,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProductsCommand {
    /// Take a file of products in: new ones are added, known ones changed by `sku`. Where a row
    /// is wrong, nothing is changed.
    #[command(
        after_help = "Columns: sku, name, category, price, price_unit (each or kg), tax, barcodes \
                      (; between), deposit, favourite, stock. A file of sku and price changes \
                      prices alone.\n\nExample:\n  till products import prices.csv --dry-run \
                      --user 'Marta Peña'"
    )]
    Import {
        /// A CSV file.
        file: PathBuf,
        /// Only look at it.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        who: Who,
    },
    /// The catalogue, as a file that `products import` takes.
    #[command(after_help = "Example:\n  till products export > products.csv")]
    Export,
    /// Products by name or code.
    #[command(after_help = "Example:\n  till products find kaas")]
    Find {
        /// Part of a name, or a code.
        text: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct StandInArgs {
    /// Where it listens; 127.0.0.1 alone.
    #[arg(long, value_name = "127.0.0.1:PORT")]
    pub listen: SocketAddr,
    /// A fault plan, as JSON.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// `system`, or an RFC 3339 time that stands still until it is moved.
    #[arg(long, default_value = "system", value_name = "CLOCK")]
    pub clock: String,
    /// Decides its ids and its faults.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}
