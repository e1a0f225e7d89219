//! The window of a start that was refused: one sentence and nothing to press.

use anyhow::Result;
use tauri::{WebviewUrl, WebviewWindowBuilder};

/// The page is answered from here, so the till's own page, and with it every
/// command, is out of reach.
const SCHEME: &str = "notice";

/// Shows a sentence until its window is closed.
pub(crate) fn show(sentence: &str) -> Result<()> {
    let page = page(sentence);
    let mut context = crate::window::context();
    context.config_mut().app.windows.clear();
    tauri::Builder::default()
        .register_uri_scheme_protocol(SCHEME, move |_, _| {
            tauri::http::Response::builder()
                .header("content-type", "text/html; charset=utf-8")
                .header(
                    "content-security-policy",
                    "default-src 'none'; style-src 'unsafe-inline'",
                )
                .body(page.clone().into_bytes())
                .unwrap_or_default()
        })
        .setup(|app| {
            let address = if cfg!(any(windows, target_os = "android")) {
                format!("http://{SCHEME}.localhost/")
            } else {
                format!("{SCHEME}://localhost/")
            };
            WebviewWindowBuilder::new(app, SCHEME, WebviewUrl::CustomProtocol(address.parse()?))
                .title("Evertill")
                .inner_size(640.0, 320.0)
                .center()
                .build()?;
            Ok(())
        })
        .build(context)?
        .run_return(|_, _| {});
    Ok(())
}

fn page(sentence: &str) -> String {
    let escaped = sentence
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Evertill</title>\
         <style>:root{{color-scheme:light dark}}body{{font:20px/1.5 system-ui,sans-serif;\
         max-width:34em;margin:56px 40px}}h1{{font-size:24px;margin:0 0 16px}}</style>\
         <h1>The till was not opened</h1><p role=\"alert\">{escaped}</p></html>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_text_and_never_markup() {
        let page = page("<b>&amp;");
        assert!(page.contains("&lt;b&gt;&amp;amp;"), "{page}");
    }
}
