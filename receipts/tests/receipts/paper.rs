//! Pages to look at, and what they weigh. `TILL_PAPER=folder` writes them there.

use std::process::Command;
use std::time::Instant;

use till_receipts::{COLUMNS_80MM, lay_out, to_escpos, to_pdf};

use crate::samples;

#[test]
fn a_page_is_small_and_its_fonts_are_embedded_and_subsetted() {
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("TILL_PAPER").map(std::path::PathBuf::from);
    let folder = kept.as_deref().unwrap_or(folder.path());
    for (name, document) in samples::all() {
        let started = Instant::now();
        let layout = lay_out(&document, COLUMNS_80MM);
        let laid_out = started.elapsed();
        let pdf = to_pdf(&layout).unwrap();
        let drawn = started.elapsed();
        let escpos = to_escpos(&layout).unwrap();
        let all = started.elapsed();
        println!(
            "{name}: layout {laid_out:?}, pdf {:?} {} B, escpos {:?} {} B",
            drawn - laid_out,
            pdf.len(),
            all - drawn,
            escpos.len()
        );
        assert!(pdf.len() < 60_000, "{name} takes {} bytes", pdf.len());
        let path = folder.join(format!("{name}.pdf"));
        std::fs::write(&path, &pdf).unwrap();
        let Ok(fonts) = Command::new("pdffonts").arg(&path).output() else {
            println!("pdffonts is not installed: fonts of {name} not checked");
            continue;
        };
        let fonts = String::from_utf8(fonts.stdout).unwrap();
        let faces: Vec<&str> = fonts.lines().skip(2).collect();
        assert_eq!(faces.len(), 2, "{name}: {fonts}");
        for face in faces {
            let words: Vec<&str> = face.split_whitespace().collect();
            let flags = &words[words.len() - 5..words.len() - 2];
            assert_eq!(flags, ["yes", "yes", "yes"], "{name}: {fonts}");
        }
    }
}
