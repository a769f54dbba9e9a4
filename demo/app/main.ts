import { auth, config } from './auth.ts'
import { mountBreak, showFaults, showGrace } from './break/index.ts'
import { mountCounts } from './counts.ts'
import { mountItems } from './items.ts'
import { mountLogin } from './login.ts'
import { mountProviderLogin } from './provider-login.ts'
import { listen } from './server.ts'
import { mountSetup, showServer } from './setup.ts'
import { mountStage } from './stage.ts'
import { mountStatus } from './status.ts'
import { mountSteps, showAway } from './steps.ts'

const { mode } = config
// What the page hides.
document.body.dataset.mode = mode

// First: the panel hears what happens from then on.
mountStage(auth)
mountStatus(auth)
mountSteps(auth)
if (mode === 'oauth') mountProviderLogin(auth)
else mountLogin(auth)
mountItems(auth)
mountSetup(auth, config)
mountBreak(auth)
listen({
  config(server) {
    showServer(server, mode)
    showGrace(server)
  },
  faults(state) {
    showFaults(state)
    showAway(state)
  },
  request: mountCounts(),
})
