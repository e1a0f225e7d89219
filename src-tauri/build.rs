//! Tells Tauri where the window's permissions are.

fn main() {
    let attributes =
        tauri_build::Attributes::new().capabilities_path_pattern("./src-tauri/capabilities/**/*");
    if let Err(error) = tauri_build::try_build(attributes) {
        // Cargo shows it and fails the build.
        println!("cargo::error={error:#}");
    }
}
