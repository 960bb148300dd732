import { after } from 'node:test';
import Anthropic from 'anthropic1';
import { messagesSuite } from './anthropic.mjs';
import { House } from './house.mjs';

const house = await House.open();
after(() => house.close());
messagesSuite('messages', Anthropic, house, { version: '2026-10-21', beta: '/v1/messages' });
