import { assert, describe, it } from "@effect/vitest"
import { isReplySubject } from "../../../src/domain/wire/subject.ts"

describe("subjects that somebody else names", () => {
  it.each(["meshery-server.meshsync.store", "_INBOX.abc.1", "a", "ä.b", "a.$b", "a>b.c*"])("may be %j", (subject) => {
    assert.isTrue(isReplySubject(subject))
  })

  it.each([
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "*",
    "a.*",
    "a.>",
    ">",
    "a b",
    "a\tb",
    "a\r\nPUB x 0\r\n",
    "a\u0000",
    "a\u00a0b",
    "a\u007f",
    "a\u2028b",
    "$SYS.REQ.SERVER.PING",
    "$JS.API.STREAM.PURGE.orders",
    "a".repeat(513),
  ])("may not be %j", (subject) => {
    assert.isFalse(isReplySubject(subject))
  })
})
