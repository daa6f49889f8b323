/**
 * What a failed system call on a file means to the person who named the file. The only place that reads `errno` names of files.
 */
import * as Effect from "effect/Effect"
import { meshError } from "../../domain/error.ts"
import { SinkError } from "../../ports/Sink.ts"

const meanings: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space there, or name another place",
  EDQUOT: "the disk quota is used up; free some space there, or name another place",
  EFBIG: "the file has reached the largest size allowed here (ulimit -f)",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the file system is read-only",
  ENOENT: "its folder does not exist; create it first",
  ENOTDIR: "a part of its path is a file where a folder is needed",
  EISDIR: "it is a folder; name a file in it",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "its symbolic links run in a circle",
  EMFILE: "too many files are open (ulimit -n)",
  EIO: "the disk reports an error",
}

/** `ENOSPC` and its like, or undefined where the error is none of the operating system's. */
export const errnoOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

/** The error that ends the run: it names the path, what happened, and what to do. */
export const outputFailure = (path: string, cause: unknown): SinkError => {
  const errno = errnoOf(cause)
  const meaning = errno === undefined ? undefined : meanings[errno]
  const text = meaning === undefined ? String(cause instanceof Error ? cause.message : cause) : `${meaning} (${errno})`
  return new SinkError({ error: meshError("ErrOutputFile", `${path}: ${text}`) })
}

/** As `outputFailure`, where no system call failed. */
export const outputRefusal = (path: string, text: string): SinkError =>
  new SinkError({ error: meshError("ErrOutputFile", `${path}: ${text}`) })

/** Runs file system calls for the sake of `path`. */
export const attempt = <A>(path: string, call: () => Promise<A>): Effect.Effect<A, SinkError> =>
  Effect.tryPromise({ try: call, catch: (cause) => outputFailure(path, cause) })
