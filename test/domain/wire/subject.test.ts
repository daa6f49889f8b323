import { assert, describe, it } from "@effect/vitest"
import { isOwnSubject, isPublishable } from "../../../src/domain/wire/subject.ts"

describe("subjects that may be published on", () => {
  it.each(["meshery-server.meshsync.store", "_INBOX.abc.1", "a", "ä.b", "a.$b", "a>b.c*"])("may be %j", (subject) => {
    assert.isTrue(isPublishable(subject))
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
    assert.isFalse(isPublishable(subject))
  })
})

describe("subjects that are no one else's to name", () => {
  it.each(["meshery.meshsync.core", "meshery.meshsync.a.b", "meshsync-meta", "active_sessions.exec", "exec.shop.web.c.1", "input.exec.a"])(
    "%s is one",
    (subject) => {
      assert.isTrue(isOwnSubject(subject))
    },
  )

  it.each(["meshery-server.meshsync.store", "_INBOX.exec.1", "meshery.meshsync", "meshery.meshsyncs.core", "executor.1", "input.1"])(
    "%s is none",
    (subject) => {
      assert.isFalse(isOwnSubject(subject))
    },
  )
})
