//! The Stripe account of a till. The key comes from a prompt or a line of standard
//! input, and goes into the keyring or nowhere.

use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use till_adapters::stripe_http::{AccountError, STRIPE_API, is_live};
use till_adapters::{MemorySecrets, OsKeyring, ReqwestTransport};
use till_app::StripeSetting;
use till_app::error::{AppError, ErrorCode};
use till_app::ports::SecretStore as _;

use crate::answer::{Answer, Done, Refusal, note};
use crate::args::{KeyArgs, StripeCommand};
use crate::input::Input;
use crate::net::{Net, missing, runtime};
use crate::shop;

/// One of the commands.
pub(crate) fn run(folder: &Path, command: &StripeCommand, input: &Input) -> Done {
    match command {
        StripeCommand::Connect {
            api_base,
            without_keyring,
        } => connect(folder, api_base.as_deref(), *without_keyring, input),
        StripeCommand::Status => {
            let till = shop::open_existing(folder)?;
            let status = till.stripe_status()?;
            let account = status.account.as_deref().unwrap_or("no account");
            let text = format!("{account}: {}", status.says);
            Answer::new(&status, text)
        }
        StripeCommand::WebhookSecret => webhook_secret(folder, input),
        StripeCommand::Listen {
            port,
            key,
            secret_from_stdin,
        } => listen(folder, *port, key, *secret_from_stdin, input),
    }
}

/// What Stripe signs webhooks with begins so.
const SECRET_PREFIX: &str = "whsec_";

fn read_secret(input: &Input) -> Result<SecretString, Refusal> {
    let secret = input.secret("Webhook secret", None)?;
    if secret.expose_secret().starts_with(SECRET_PREFIX) {
        Ok(secret)
    } else {
        Err(Refusal::input(format!(
            "That is no webhook secret: one begins with {SECRET_PREFIX}. Nothing was changed."
        )))
    }
}

fn webhook_secret(folder: &Path, input: &Input) -> Done {
    shop::open_existing(folder)?.shop()?;
    let secret = read_secret(input)?;
    let keyring = OsKeyring::of_webhooks(folder);
    keyring.set_stripe_key(&secret).map_err(AppError::from)?;
    Answer::new(
        serde_json::json!({ "kept": true }),
        "The webhook secret is in the system's keyring.",
    )
}

fn listen(folder: &Path, port: u16, key: &KeyArgs, from_stdin: bool, input: &Input) -> Done {
    let net = Net::open(folder, key, input)?;
    let secret = if from_stdin {
        read_secret(input)?
    } else {
        let kept = OsKeyring::of_webhooks(folder).stripe_key();
        kept.map_err(AppError::from)?.ok_or_else(|| {
            Refusal::input(
                "No webhook secret is kept. Nothing was changed. Keep one with \
                 `till stripe webhook-secret`.",
            )
        })?
    };
    net.listen(port, secret)
}

fn check_base(key: &SecretString, api_base: Option<&str>) -> Result<(), Refusal> {
    match api_base {
        Some(base) if is_live(key) && !base.starts_with("https://") => Err(AppError::refused(
            ErrorCode::LiveKeyRefused,
            "a live key goes over https alone; --api-base is for stand-ins",
        )
        .into()),
        Some(_) | None => Ok(()),
    }
}

fn connect(folder: &Path, api_base: Option<&str>, without_keyring: bool, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    till.shop()?;
    let key = input.secret("Stripe key", None)?;
    check_base(&key, api_base)?;
    let base = api_base.unwrap_or(STRIPE_API);
    let held = Arc::new(MemorySecrets::with_stripe_key(key.clone()));
    let transport = ReqwestTransport::new(base, held).map_err(|error| {
        tracing::debug!(%error, "no transport");
        AppError::refused(missing(&error), error.to_string())
    })?;
    let account = runtime()?
        .block_on(transport.account(&key))
        .map_err(|error| match error {
            AccountError::Refused => Refusal::from(ErrorCode::StripeKeyRefused),
            AccountError::LiveKeyOverHttp => Refusal::from(ErrorCode::LiveKeyRefused),
            AccountError::Unreachable | AccountError::Unreadable => Refusal::outside(
                ErrorCode::Offline,
                format!(
                    "{} Nothing was changed ({error}).",
                    ErrorCode::Offline.sentence()
                ),
            ),
        })?;
    if key.expose_secret().starts_with("sk_live_") {
        note(
            "This is a secret key with every right. A restricted key (rk_live_…) can do only \
             what a till does; make one and connect again.",
        );
    }
    let setting = StripeSetting {
        api_base: base.trim_end_matches('/').to_owned(),
        account: account.id,
        livemode: account.livemode,
    };
    // Asked before the keyring is written: a refused join must not leave a key that
    // the waiting charges would be sent with.
    till.may_join_stripe(&setting)?;
    if !without_keyring {
        let keyring = OsKeyring::of_account(folder, &setting);
        keyring.set_stripe_key(&key).map_err(AppError::from)?;
    }
    till.join_stripe(&setting)?;
    let kept = if without_keyring {
        "The key is kept nowhere: give it with --key-from-stdin when something is sent."
    } else {
        "The key is in the system's keyring."
    };
    let mode = if setting.livemode {
        "Cards are charged real money."
    } else {
        "Test mode: no real money moves."
    };
    Answer::new(
        serde_json::json!({
            "account": setting.account,
            "livemode": setting.livemode,
            "api_base": setting.api_base,
            "key_kept": !without_keyring,
        }),
        format!("Connected to {}. {mode} {kept}", setting.account),
    )
}
