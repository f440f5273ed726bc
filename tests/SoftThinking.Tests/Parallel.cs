using NUnit.Framework;

// Fixtures run in parallel. Those that measure, set environment variables of the process or load the machine are NonParallelizable.
[assembly: Parallelizable(ParallelScope.Fixtures)]
