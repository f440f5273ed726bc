# The everyday commands of this repository, each of them one call of dotnet; help without arguments.
param(
    [Parameter(Position = 0)] [string] $Verb,
    [ValidateSet('Debug', 'Release')] [string] $Configuration = 'Release',
    [Parameter(ValueFromRemainingArguments)] [string[]] $Rest = @()
)

$help = @'
usage: build.ps1 <verb> [-Configuration Debug|Release] [arguments for dotnet or, with bench, for the benchmark]

  build    the library, the command line, the tests and, through CMake, the native code
  test     all tests, managed and native
  bench    the benchmark of the command line: build.ps1 bench --help
  publish  a self-contained, trimmed command line for this machine: artifacts/publish/<rid>
  docs     the documentation as a site: build/docs/site
  clean    what one configuration built
'@

if (-not $Verb) {
    $help
    exit 0
}

$solution = "$PSScriptRoot/SoftThinking.sln"
$cli = "$PSScriptRoot/managed/SoftThinking.Cli"
$rid = [System.Runtime.InteropServices.RuntimeInformation]::RuntimeIdentifier

$arguments = switch ($Verb) {
    'build' { 'build', $solution, '-c', $Configuration }
    'test' { 'test', $solution, '-c', $Configuration }
    'bench' { 'run', '--project', $cli, '-c', $Configuration, '--', 'bench' }
    'publish' {
        'publish', $cli, '-c', $Configuration, '-r', $rid, '--self-contained', '-p:PublishTrimmed=true',
        '-o', "$PSScriptRoot/artifacts/publish/$rid"
    }
    'docs' { 'msbuild', "$PSScriptRoot/docs/site/Site.proj" }
    'clean' { 'clean', $solution, '-c', $Configuration }
    default { throw "unknown verb '$Verb': build, test, bench, publish, docs and clean are known" }
}

dotnet @arguments @Rest
exit $LASTEXITCODE
