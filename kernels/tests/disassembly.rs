//! What LLVM does not inline loses the instruction set, and then calls its intrinsics, 10 to 50 times slower. So: a release binary that uses
//! everything is disassembled, and must not call into `core_arch`. Without `objdump` the test says so and passes.

use std::path::Path;
use std::process::Command;

#[test]
fn no_intrinsic_is_called() {
    if !cfg!(target_arch = "x86_64") {
        println!("skipped: only x86-64 has instruction sets to choose from");
        return;
    }
    if Command::new("objdump").arg("--version").output().is_err() {
        println!("skipped: there is no objdump");
        return;
    }
    // The benchmark uses the products, functions and reductions in both precisions. It is built apart, because the target folder of the
    // running test is locked.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("disassembly");
    let build = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--bench", "speed", "--message-format", "json", "--manifest-path"])
        .arg(here.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    let messages = String::from_utf8(build.stdout).unwrap();
    let binary = messages
        .lines()
        .filter(|line| line.contains("\"name\":\"speed\""))
        .find_map(|line| Some(line.split_once("\"executable\":\"")?.1.split_once('"')?.0.to_string()))
        .expect("cargo names the executable");
    let text = Command::new("objdump").args(["-d", "-C", "--no-show-raw-insn"]).arg(binary).output().unwrap();
    assert!(text.status.success());
    let text = String::from_utf8_lossy(&text.stdout);
    let calls: Vec<&str> = text.lines().filter(|line| line.contains("call") && line.contains("core_arch")).collect();
    assert!(calls.is_empty(), "{} calls of intrinsics, such as {}", calls.len(), calls[0]);
    // And the instruction sets are there.
    for registers in ["zmm", "ymm"] {
        let fused = text.lines().filter(|line| line.contains("vfmadd") && line.contains(registers)).count();
        assert!(fused > 100, "{fused} fused products and sums in {registers}");
    }
}
