//! The Wasm engine of this process and its cache of compiled components.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;
use wasmtime::component::Component;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ProfilingStrategy,
};

/// Limit of concurrent instances in one process, the same as Spin's.
const MAX_INSTANCES: u32 = 1_000;

/// The interval after which a guest that computes lets the host do other work.
const TICK: Duration = Duration::from_millis(10);

/// Whether the engine writes down which function is where.
static IS_PROFILED: AtomicBool = AtomicBool::new(false);

/// Makes all hosts of this process write the names and addresses of the functions that they compile
/// into a file in `/tmp`, where `perf` looks for them. Has no effect after the first host started.
pub fn name_functions_for_perf() {
    IS_PROFILED.store(true, Ordering::Relaxed);
}

/// Returns the engine that all hosts of the process share. The address space that its instance pool
/// reserves is too large to reserve once per host.
pub(crate) fn engine() -> wasmtime::Result<Engine> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    if let Some(engine) = ENGINE.get() {
        return Ok(engine.clone());
    }
    // Allocate each instance on demand where the system has too little address space for the pool.
    let engine = Engine::new(&pooling()).or_else(|_| Engine::new(&config()))?;
    Ok(ENGINE
        .get_or_init(|| {
            let ticking = engine.weak();
            std::thread::spawn(move || {
                while let Some(engine) = ticking.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(TICK);
                }
            });
            engine
        })
        .clone())
}

/// Compiles a component, or takes it from the cache: a test suite starts the same one many times.
pub(crate) fn compile(engine: &Engine, wasm: Vec<u8>) -> wasmtime::Result<Component> {
    static COMPILED: Mutex<Vec<(Vec<u8>, Component)>> = Mutex::new(Vec::new());
    // Hold the lock while compiling, so that the same component is not compiled twice.
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, component)) = compiled.iter().find(|(bytes, _)| *bytes == wasm) {
        return Ok(component.clone());
    }
    let component = Component::from_binary(engine, &wasm)?;
    compiled.push((wasm, component.clone()));
    Ok(component)
}

fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    // Spin compiles with these checks, too, but lets a guest compute as long as it likes.
    config.epoch_interruption(true);
    if IS_PROFILED.load(Ordering::Relaxed) {
        config.profiler(ProfilingStrategy::PerfMap);
    }
    config
}

/// Configures a pool of preallocated instances with Spin's limits.
fn pooling() -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(MAX_INSTANCES)
        .total_memories(MAX_INSTANCES)
        .total_tables(2 * MAX_INSTANCES)
        .total_stacks(MAX_INSTANCES)
        .total_core_instances(4 * MAX_INSTANCES)
        .table_elements(100_000)
        .max_component_instance_size(10 << 20)
        .max_core_instance_size(10 << 20)
        .max_core_instances_per_component(200)
        .max_tables_per_component(64)
        .max_memories_per_component(32)
        .max_tables_per_module(2)
        .max_memories_per_module(2)
        .max_memory_size(4 << 30)
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(1 << 19);
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
