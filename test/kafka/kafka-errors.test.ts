import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AuthenticationError,
  MultipleErrors,
  NetworkError,
  protocolErrorsCodesById,
  ResponseError,
  TimeoutError,
} from '@platformatic/kafka'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { errorCatalogue } from '../../src/broker/error-catalogue.ts'
import {
  answeredErrors,
  asBrokerError,
  errorCodeOf,
  isConnectionFailure,
  isCredentialsFailure,
  refusal,
  rootMessage,
  withErrorsInIt,
} from '../../src/kafka/kafka-errors.ts'

test("every name of the catalogue that is Kafka's has the number that Kafka has for it", () => {
  const numbers = new Map<string, string>(Object.entries(protocolErrorsCodesById).map(([id, name]) => [name, id]))
  for (const [name, entry] of Object.entries(errorCatalogue)) {
    if ('kafkaCode' in entry && entry.kafkaCode !== -1) assert.equal(numbers.get(name), String(entry.kafkaCode), name)
    if ('kafkaCode' in entry) assert.equal(errorCodeOf(entry.kafkaCode), name)
  }
})

test('a number that nobody here knows is told by its name all the same', () => {
  const error = refusal(94, 'to vote', 'no quorum.')
  assert.equal(error.code, 'UNKNOWN_SERVER_ERROR')
  assert.equal(error.message, 'The cluster refused to vote (INCONSISTENT_VOTER_SET): no quorum.')
  assert.match(refusal(9999, 'to vote').message, /\(error 9999\)/)
})

test('a refusal that somebody can mend says how', () => {
  const error = refusal(68, 'to delete the group "a"')
  assert.equal(error.code, 'NON_EMPTY_GROUP')
  assert.match(error.message, /refused to delete the group "a" .*Let its members leave/)
})

test('an answer with errors is an answer', async () => {
  const response = { topics: [1] }
  const failure = new ResponseError(3, 12, { '/topics/0': [3, 'gone'], '/topics/1': [29, null] }, response)
  assert.deepEqual(await withErrorsInIt(Promise.reject<unknown>(failure)), response)
  assert.deepEqual(answeredErrors(failure), [
    { path: '/topics/0', kafkaCode: 3, message: 'gone' },
    { path: '/topics/1', kafkaCode: 29, message: null },
  ])
  assert.equal(isConnectionFailure(failure), false)
  const told = asBrokerError(failure, 'to look')
  assert.equal(told.code, 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(told.message, 'The cluster refused to look (UNKNOWN_TOPIC_OR_PARTITION): gone.')
})

test('a connection that fails is a failure of the connection, with what is at its root', () => {
  const cause = new Error('connect ECONNREFUSED 127.0.0.1:1')
  const failure = new MultipleErrors('none', [new NetworkError('failed', { cause }), new TimeoutError('late')])
  assert.ok(isConnectionFailure(failure))
  assert.equal(isCredentialsFailure(failure), false)
  const single = new NetworkError('failed', { cause })
  assert.equal(rootMessage(single), 'connect ECONNREFUSED 127.0.0.1:1')
  const told = asBrokerError(single, 'to look', { stored: 'unknown' })
  assert.equal(told.code, 'NETWORK_EXCEPTION')
  assert.equal(told.options.stored, 'unknown')
  assert.ok(told.retriable)
})

test('refused credentials are told apart, however deep they lie', () => {
  const refused = new NetworkError('failed', { cause: new AuthenticationError('SASL authentication failed.') })
  assert.ok(isCredentialsFailure(refused))
  assert.equal(asBrokerError(refused, 'to look').code, 'SASL_AUTHENTICATION_FAILED')
  const answered = new NetworkError('failed', { cause: new ResponseError(36, 2, { '/': [58, null] }, {}) })
  assert.ok(isCredentialsFailure(answered))
})

test('what is told already stays as it is, and a bug is no operating error', () => {
  const told = new BrokerError('INVALID_REQUEST', 'x')
  assert.equal(asBrokerError(told, 'to look'), told)
  const bug = new TypeError('undefined is no function')
  assert.throws(() => asBrokerError(bug, 'to look'), bug)
})
