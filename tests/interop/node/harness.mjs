// What the clients share: the person on the other side of standard input and output, and checks.

import { webcrypto } from 'node:crypto'
import { createInterface } from 'node:readline'

// Node 18 has it, but not under this name, which the libraries use.
globalThis.crypto ??= webcrypto

export const base = process.env.PORTCULLIS_URL
export const key = process.env.PORTCULLIS_KEY
export const clientId = 'social-cli'
export const redirectUri = 'http://127.0.0.1:51004/callback'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
let last = Promise.resolve()

// Asks for what a person does, and gives what came of it. One after the other, whoever asks.
export function person(does) {
  last = last.then(async () => {
    console.log(does)
    const { value, done } = await lines.next()
    if (done) throw new Error('the person has gone')
    return value
  })
  return last
}

export function check(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`)
}

export function equal(got, wanted, what) {
  const [left, right] = [got, wanted].map((value) => JSON.stringify(value))
  if (left !== right) throw new Error(`${what}: ${left} and not ${right}`)
}

// What a promise must be refused with.
export async function refused(promise, what) {
  const error = await promise.then(
    (value) => {
      throw new Error(`${what}: not refused, but ${JSON.stringify(value)}`)
    },
    (error) => error,
  )
  return error
}

// The steps of a client: standard input is let go at their end, so that the program ends.
export async function run(steps) {
  try {
    await steps()
    process.exit(0)
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
}
