using NUnit.Framework;

// Fixtures run in parallel. Those that load the machine or set environment variables of the process are NonParallelizable.
[assembly: Parallelizable(ParallelScope.Fixtures)]
