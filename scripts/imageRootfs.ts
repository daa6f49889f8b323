/**
 * Assembles what the container image holds, to the last file: `node scripts/imageRootfs.ts FOLDER`.
 *
 * The Dockerfile copies this folder into an empty image and adds nothing, so whoever has no Docker sees and tests the same files.
 * The lists below are the law: a library that the executable newly needs, and that they do not name, fails the build.
 * Libraries are those of the machine that assembles. Needs Linux with glibc 2.34 or newer, where looking up names is part of libc.
 */
import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"

const executable = "bin/meshsync"

/** Unpacked and packed, in bytes: what an image may take on a node and on the way to it. */
const limitBytes = { unpacked: 150_000_000, packed: 50_000_000 }

/** Shared libraries that Node needs, beside the dynamic loader. */
const libraries = ["libatomic.so.1", "libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "libstdc++.so.6"]

/** The user is a number to Kubernetes; the names are for those who look. */
const texts: Readonly<Record<string, string>> = {
  "/etc/passwd": "root:x:0:0:root:/:/nonexistent\nnonroot:x:65532:65532:nonroot:/:/nonexistent\n",
  "/etc/group": "root:x:0:\nnonroot:x:65532:\n",
  "/etc/nsswitch.conf": "hosts: files dns\n",
}

const files: Readonly<Record<string, string>> = {
  "/meshery-meshsync": executable,
  "/usr/share/licenses/meshsync/LICENSE": "LICENSE",
}

/** For volumes and files of file mode. On a read-only root file system it is as read-only as the rest. */
const temporaryFolder = "/tmp"

const folder = process.argv[2]
if (folder === undefined || path.resolve(folder) === "/") {
  console.error("usage: imageRootfs.ts FOLDER")
  process.exit(2)
}
if (process.platform !== "linux") {
  console.error("image: the image is made of this machine's Linux libraries, and this is no Linux: use make docker-build.")
  process.exit(1)
}

const place = (target: string, mode: number, write: (file: string) => void): void => {
  const file = path.join(folder, target)
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 })
  write(file)
  fs.chmodSync(file, mode)
}

const copy = (target: string, source: string, mode: number): void => place(target, mode, (file) => fs.copyFileSync(source, file))

/** What the loader would load, by name; the loader itself has none but its path. */
const findLibraries = (): ReadonlyMap<string, string> => {
  const lines = execFileSync("ldd", [executable], { encoding: "utf8" }).split("\n")
  const missing = lines.filter((line) => line.includes("not found"))
  if (missing.length > 0) throw new Error(`${executable} needs libraries that this machine does not have:\n${missing.join("\n")}`)
  return new Map(
    lines.flatMap((line) => {
      const [, name, file] = /^\s*(?:(\S+) => )?(\/\S+) \(0x/.exec(line) ?? []
      return file === undefined ? [] : [[name ?? file, file]]
    }),
  )
}

/** The package of a file on Debian; other systems keep their licences elsewhere, and theirs are not copied. */
const findPackage = (file: string): string | undefined => {
  for (const name of [file, `/usr${file}`]) {
    const { status, stdout } = spawnSync("dpkg", ["-S", name], { encoding: "utf8" })
    if (status === 0) return stdout.split(":")[0]
  }
  return undefined
}

/** Licence and version of a package, where people and vulnerability scanners look for them. */
const copyPackageRecord = (name: string): void => {
  copy(`/usr/share/doc/${name}/copyright`, `/usr/share/doc/${name}/copyright`, 0o644)
  const record = execFileSync("dpkg-query", ["-s", name], { encoding: "utf8" })
  place(`/var/lib/dpkg/status.d/${name}`, 0o644, (file) => fs.writeFileSync(file, record))
}

const copyLibraries = (): void => {
  const found = findLibraries()
  const packages = new Set<string>()
  for (const [name, file] of found) {
    if (!name.startsWith("/") && !libraries.includes(name)) throw new Error(`${executable} needs ${name}, which no list names`)
    copy(file, file, 0o755)
    const owner = findPackage(file)
    if (owner !== undefined) packages.add(owner)
  }
  for (const name of packages) copyPackageRecord(name)
}

const unpackedBytes = (): number =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath, entry.name)).size, 0)

/** As registries do it: tar, then gzip. */
const packedBytes = (): number => {
  const archive = execFileSync("sh", ["-ec", 'tar -C "$1" -cf - . | gzip -6 | wc -c', "sh", folder], { encoding: "utf8" })
  return Number(archive)
}

// Whatever the user's umask is, the image's user must be able to read.
process.umask(0o022)
fs.rmSync(folder, { recursive: true, force: true })
fs.mkdirSync(folder, { recursive: true, mode: 0o755 })
for (const [target, text] of Object.entries(texts)) place(target, 0o644, (file) => fs.writeFileSync(file, text))
for (const [target, source] of Object.entries(files)) copy(target, source, target === "/meshery-meshsync" ? 0o755 : 0o644)
copyLibraries()
fs.mkdirSync(path.join(folder, temporaryFolder))
fs.chmodSync(path.join(folder, temporaryFolder), 0o1777)

const sizes = { unpacked: unpackedBytes(), packed: packedBytes() }
const write = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
console.log(`${folder}: ${write(sizes.unpacked)} unpacked, ${write(sizes.packed)} packed (gzip)`)
for (const key of ["unpacked", "packed"] as const) {
  if (sizes[key] > limitBytes[key])
    throw new Error(`${write(sizes[key])} ${key} are more than the ${write(limitBytes[key])} that are promised`)
}
