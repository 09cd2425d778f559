/*
 * gcs_clients.js ENDPOINT BUCKET - Google's own client for Node against a server
 * of the JSON API; ends with status 1 when one thing is not as it must be.
 */
const {Storage} = require('@google-cloud/storage');
const assert = require('assert');
const crypto = require('crypto');

const [endpoint, name] = process.argv.slice(2);
const bucket = new Storage({projectId: 'project', apiEndpoint: endpoint}).bucket(name);
const small = crypto.randomBytes(100003);
const large = crypto.randomBytes(20 * 1024 * 1024 + 7);
const odd = 'dir a/\u00fc+~=&\'()!@,;$%#?/ \u65e5';

/* Refused with ${code}. */
async function refused(code, promise) {
	try {
		await promise;
	} catch (e) {
		const told = e.response ? e.response.status : e.code;
		assert.ok(e.code === code || told === code, String(e));
		return;
	}
	assert.fail(`not refused with ${code}`);
}

async function uploads() {
	const whole = {resumable: false, validation: 'crc32c'};
	await bucket.file(odd).save(small, whole);
	await bucket.file('small').save(small, {...whole, validation: 'md5'});
	await bucket.file('empty').save('', whole);
	await bucket.file('pieces').save(large, {
		resumable: true, validation: 'crc32c', chunkSize: 8 * 1024 * 1024});
	await bucket.file('stream').save(large, {resumable: true, validation: 'crc32c'});
	await refused(412, bucket.file('small').save(small, {
		...whole, preconditionOpts: {ifGenerationMatch: 0}}));
	await refused(412, bucket.file('small').save(large, {
		resumable: true, preconditionOpts: {ifGenerationMatch: 0}}));
}

async function downloads() {
	for (const [key, want] of [[odd, small], ['empty', Buffer.alloc(0)],
		['pieces', large], ['stream', large]]) {
		const [got] = await bucket.file(key).download({validation: 'crc32c'});
		assert.ok(got.equals(want), key);
	}
	const [part] = await bucket.file('pieces').download({start: 100, end: 9999999});
	assert.ok(part.equals(large.subarray(100, 10000000)), 'a range');
	await refused(404, bucket.file('none').download());
}

async function lists() {
	const [all] = await bucket.getFiles({maxResults: 2, autoPaginate: true});
	const names = new Set(all.map((f) => f.name));
	const [meta] = await bucket.file('pieces').getMetadata();
	assert.equal(meta.size, String(large.length));
	assert.equal(meta.md5Hash, crypto.createHash('md5').update(large).digest('base64'));
	/* A page is what was asked for; the names come in their order. */
	assert.deepEqual([...names], [odd, 'empty']);
	const seen = [];
	for await (const f of bucket.getFilesStream({maxResults: 2}))
		seen.push(f.name);
	assert.deepEqual(seen, [odd, 'empty']);
	let query = {maxResults: 2, autoPaginate: false};
	const paged = [];
	while (query) {
		const [files, next] = await bucket.getFiles(query);
		paged.push(...files.map((f) => f.name));
		query = next;
	}
	assert.deepEqual(paged, [odd, 'empty', 'pieces', 'small', 'stream']);
	const [, , answer] = await bucket.getFiles({delimiter: '/', autoPaginate: false});
	assert.deepEqual(answer.prefixes, ['dir a/']);
}

async function removals() {
	const [meta] = await bucket.file('small').getMetadata();
	await refused(412, bucket.file('small').delete({ifGenerationMatch: 1}));
	await bucket.file('small').delete({ifGenerationMatch: meta.generation});
	await refused(404, bucket.file('small').delete());
	await bucket.deleteFiles();
	const [left] = await bucket.getFiles();
	assert.equal(left.length, 0);
}

(async () => {
	await uploads();
	await downloads();
	await lists();
	await removals();
})().catch((e) => {
	console.error(e.stack || e);
	process.exit(1);
});
