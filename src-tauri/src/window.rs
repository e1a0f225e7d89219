//! The window.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use tauri::webview::PageLoadEvent;
use tauri::{RunEvent, WebviewWindowBuilder};

use crate::args::Args;
use crate::log::say;
use crate::state::Shell;
use crate::{commands, events, line};

/// GTK panics without one.
pub(crate) fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// `tauri.conf.json` and the page, as they were when this was built.
pub(crate) fn context() -> tauri::Context {
    tauri::generate_context!()
}

/// Says so in the title once the first screen has been painted.
const WATCH: &str = r#"(() => {
  const look = () => document.querySelector('[data-testid^="screen-"]')
    ? requestAnimationFrame(() => requestAnimationFrame(() => { document.title = "painted"; }))
    : requestAnimationFrame(look);
  look();
})()"#;

/// Shows the till until the window is closed. `started` is when the program was.
pub(crate) fn run(args: &Args, shell: &Arc<Shell>, started: Instant) -> Result<()> {
    let (measure, size) = (args.measure, args.size);
    let shared = Arc::clone(shell);
    tauri::Builder::default()
        .manage(Arc::clone(shell))
        .invoke_handler(commands::handler())
        .on_page_load(move |webview, payload| {
            if measure
                && payload.event() == PageLoadEvent::Finished
                && let Err(error) = webview.eval(WATCH)
            {
                say(&format!("The first paint cannot be measured: {error}"));
            }
        })
        .setup(move |app| {
            let config = app
                .config()
                .app
                .windows
                .first()
                .context("tauri.conf.json names no window")?;
            let home = |url: &tauri::Url| {
                url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost") || cfg!(dev)
            };
            let mut window = WebviewWindowBuilder::from_config(app.handle(), config)?
                // Nothing leads out of the till's own page.
                .on_navigation(home)
                .on_new_window(|_, _| tauri::webview::NewWindowResponse::Deny);
            if let Some((width, height)) = size {
                let (width, height) = (f64::from(width), f64::from(height));
                window = window
                    .inner_size(width, height)
                    .min_inner_size(320.0, 320.0);
            }
            if measure {
                window = window.on_document_title_changed(move |_, title| {
                    if title == "painted" {
                        say(&format!("painted_ms={}", started.elapsed().as_millis()));
                    }
                });
            }
            window.build()?;
            tauri::async_runtime::spawn(events::tell(app.handle().clone(), Arc::clone(&shared)));
            tauri::async_runtime::spawn(async move {
                if let Err(error) = line::join(&shared).await {
                    tracing::error!(%error, "the line to Stripe was not opened");
                }
            });
            Ok(())
        })
        .build(context())?
        .run_return(|_, event| {
            if matches!(event, RunEvent::Exit) {
                // The loop ends with the process: what it has under way is on disk
                // as under way, and is looked up at the next start.
                tracing::info!("closed");
            }
        });
    shell.till.idle();
    Ok(())
}
