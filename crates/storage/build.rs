//! Embeds new migrations: the macro alone does not notice added files.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
